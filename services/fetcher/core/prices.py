"""Conflated prices: the newest of each symbol, never the same one twice in a row, and none sooner than it may.

1. A price that is superseded before it was told is dropped: readers want the newest, not all of them.
2. A symbol that has been silent for its interval is told at once: nobody else's prices hold it back.
3. A price that cannot be is dropped and counted: the next is there soon, and no stop may be moved or hit by it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from libs.common.contracts.market import PriceMoved
from libs.common.contracts.message import message_id
from libs.common.exchange.market_types import PriceFrame
from libs.common.units import Instant, Price, Symbol
from services.fetcher.core.quality import is_possible


@dataclass(slots=True)
class Conflation:
    """Prices that wait to be told."""

    refused: int = 0  # since the start
    _told: dict[Symbol, tuple[Price, Price]] = field(default_factory=dict)
    _next: dict[Symbol, Instant] = field(default_factory=dict)  # wall from which on a symbol may be told again
    _due: dict[Symbol, Instant] = field(default_factory=dict)  # wall from which on what waits is to be told
    _waiting: dict[Symbol, PriceFrame] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        return bool(self._waiting)

    def note(self, frame: PriceFrame, wall: Instant) -> None:
        """Remember a price that was heard at `wall` if it can be and differs from the one told last."""
        if not (is_possible(frame.last) and is_possible(frame.mark)):
            self.refused += 1
            return
        symbol = frame.symbol
        if self._told.get(symbol) == (frame.last, frame.mark):
            self._waiting.pop(symbol, None)
            return
        if symbol not in self._waiting:
            self._due[symbol] = max(wall, self._next.get(symbol, wall))
        self._waiting[symbol] = frame

    def take(self, first: Collection[Symbol], wall: Instant, interval_ms: int) -> Sequence[PriceMoved]:
        """Return what is due, symbols of `first` before the others, and count it as told.

        interval_ms: least wall time between two prices of one symbol on average. Half of it may be anticipated: were it
        kept to the millisecond, one late price of a venue that speaks just as often would hold back all that follow.
        """
        due = [symbol for symbol in self._waiting if self._due[symbol] <= wall]
        due.sort(key=lambda symbol: symbol not in first)
        return [as_message(self._tell(symbol, interval_ms)) for symbol in due]

    def _tell(self, symbol: Symbol, interval_ms: int) -> PriceFrame:
        frame = self._waiting.pop(symbol)
        self._told[symbol] = frame.last, frame.mark
        due, earliest = self._due.pop(symbol), self._next.get(symbol, 0)
        self._next[symbol] = Instant(max(due + interval_ms // 2, earliest + interval_ms))
        return frame

    def forget(self, symbol: Symbol) -> None:
        for known in (self._told, self._next, self._due, self._waiting):
            known.pop(symbol, None)


def as_message(frame: PriceFrame) -> PriceMoved:
    return PriceMoved(
        id=message_id(PriceMoved, frame.symbol, str(frame.at), str(frame.last), str(frame.mark)),
        cause="",
        trace="",
        at=frame.at,
        symbol=frame.symbol,
        last=frame.last,
        mark=frame.mark,
    )
