"""Conflated prices: the newest of each symbol, never the same one twice in a row.

A price that is superseded before it was told is dropped: readers want the newest, not all of them. One that cannot be
is dropped and counted: the next is there within a second, and no stop may be moved or hit by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from libs.common.contracts.market import PriceMoved
from libs.common.contracts.message import message_id
from libs.common.exchange.market_types import PriceFrame
from libs.common.units import Price, Symbol
from services.fetcher.core.quality import is_possible


@dataclass(slots=True)
class Conflation:
    """Prices that wait to be told, in the order in which their symbols began to wait."""

    refused: int = 0  # since the start
    _told: dict[Symbol, tuple[Price, Price]] = field(default_factory=dict)
    _waiting: dict[Symbol, PriceFrame] = field(default_factory=dict)

    def note(self, frame: PriceFrame) -> None:
        """Remember a price if it can be and differs from the one told last."""
        if not (is_possible(frame.last) and is_possible(frame.mark)):
            self.refused += 1
        elif self._told.get(frame.symbol) != (frame.last, frame.mark):
            self._waiting[frame.symbol] = frame
        else:
            self._waiting.pop(frame.symbol, None)

    def take(self, first: frozenset[Symbol]) -> Sequence[PriceMoved]:
        """Return what waits, symbols of `first` before the others, and count it as told."""
        frames = sorted(self._waiting.values(), key=lambda frame: frame.symbol not in first)
        self._told |= {frame.symbol: (frame.last, frame.mark) for frame in frames}
        self._waiting.clear()
        return [as_message(frame) for frame in frames]

    def forget(self, symbol: Symbol) -> None:
        self._told.pop(symbol, None)
        self._waiting.pop(symbol, None)


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
