"""Follow every open position on every price, and ask the executor for tighter stops.

Positions and prices are heard by every replica, so that each can take over; only the one that holds a symbol's lease
asks. What is asked is the same whichever of a price and a position's word of the same moment is heard first.
"""

from collections.abc import Sequence
from typing import Final

from libs.common.clock import MarketClock
from libs.common.contracts.commands import PositionClose, StopMove
from libs.common.contracts.market import PriceMoved
from libs.common.contracts.message import Message, message_id
from libs.common.contracts.positions import (
    OpenPosition,
    PositionChanged,
    PositionClosed,
    PositionOpened,
    PositionSnapshot,
)
from libs.common.health import Health
from libs.common.units import Instant, Price, Symbol
from services.trailing.core.judgement import Wish, judge, judge_again, remember
from services.trailing.core.rules import Rules
from services.trailing.core.watch import Asked, Left, Watch, begin, hear, observe

SNAPSHOT: Final = "position snapshot"
FRESH_MS: Final = 45_000  # wall: the executor tells of its positions every 30 s; older word is history
REMEMBERED: Final = 1_000  # positions that ended, so that a late word does not revive them


class Trailing:
    """State of one replica: the positions it follows and the newest price of each symbol."""

    reads: Sequence[str] = ("position", "price")

    def __init__(self, rules: Rules, *, health: Health) -> None:
        self._rules = rules
        self._health = health
        self._share: frozenset[Symbol] = frozenset()
        self._market = MarketClock()
        self._watches: dict[str, Watch] = {}
        self._prices: dict[Symbol, PriceMoved] = {}
        self._ended: dict[str, None] = {}
        health.wait_for(SNAPSHOT, "the executor has not told of its positions yet")

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Symbols with an open position, the longest followed first."""
        return tuple(dict.fromkeys(watch.position.symbol for watch in self._watches.values()))

    def take(self, share: frozenset[Symbol]) -> None:
        """Speak for these symbols from now on; the others' positions are only listened to."""
        self._share = share

    def decide(self, message: Message, now: Instant) -> Sequence[Message]:
        """Return the commands that follow from a price or from word of a position; `now` is wall time."""
        self._health.market_ms = self._market.observe(message.at)
        match message:
            case PriceMoved():
                return self._on_price(message, now)
            case PositionOpened() | PositionChanged():
                return self._on_position(message.position, message, now)
            case PositionClosed():
                self._end(message.position_id)
            case PositionSnapshot():
                return self._on_snapshot(message, now)
            case _:
                pass  # other events of these streams are for other readers
        return ()

    def _on_price(self, price: PriceMoved, now: Instant) -> Sequence[Message]:
        known = self._prices.get(price.symbol)
        if known is not None and price.at < known.at:
            return ()
        self._prices[price.symbol] = price
        mine = [key for key, watch in self._watches.items() if watch.position.symbol == price.symbol]
        return tuple(command for key in mine for command in self._judge(key, price, now))

    def _on_position(self, position: OpenPosition, message: Message, now: Instant) -> Sequence[Message]:
        if not self._hear(position, message):
            return ()
        price = self._prices.get(position.symbol)
        return () if price is None else self._judge(position.position_id, price, now)

    def _on_snapshot(self, snapshot: PositionSnapshot, now: Instant) -> Sequence[Message]:
        if now - snapshot.sent <= FRESH_MS:
            self._health.done_with(SNAPSHOT)
        commands = [c for position in snapshot.positions for c in self._on_position(position, snapshot, now)]
        present = {position.position_id for position in snapshot.positions}
        # a position heard of at the same moment or later may have been opened after the snapshot was taken
        for key in [k for k, w in self._watches.items() if k not in present and w.heard_at < snapshot.at]:
            del self._watches[key]
        for key, watch in self._watches.items():
            wish = judge_again(watch, now=now, rules=self._rules)
            commands += self._utter(key, wish, snapshot.id, now)
        return tuple(commands)

    def _hear(self, position: OpenPosition, message: Message) -> bool:
        key = position.position_id
        if key in self._ended:
            return False
        watch = self._watches.get(key)
        heard = (position, message.at, message.trace)
        self._watches[key] = begin(*heard) if watch is None else hear(watch, *heard)
        return True

    def _end(self, position_id: str) -> None:
        self._watches.pop(position_id, None)
        self._ended[position_id] = None
        while len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def _judge(self, key: str, price: PriceMoved, now: Instant) -> Sequence[Message]:
        watch = self._watches[key] = observe(self._watches[key], price, now)
        if price.at < watch.position.opened_at:
            return ()
        wish = judge(watch, last=price.last, market_now=price.at, now=now, rules=self._rules)
        return self._utter(key, wish, price.id, now)

    def _utter(self, key: str, wish: Wish | None, cause: str, now: Instant) -> Sequence[Message]:
        """Make the command, unless another replica speaks for the symbol or the book is not complete yet."""
        watch = self._watches[key]
        if wish is None or watch.position.symbol not in self._share or SNAPSHOT in self._health.waiting_for:
            return ()
        self._watches[key] = remember(watch, wish, now)
        return (command_for(watch, wish, cause=cause, at=self._market.now()),)


def command_for(watch: Watch, wish: Wish, *, cause: str, at: Instant) -> Message:
    """Return the command for a wish; its id is a function of the position and of what is asked for."""
    position = watch.position
    match wish:
        case Asked(stop=stop, reason=reason):
            return StopMove(
                id=message_id(StopMove, position.position_id, plain(stop)),
                cause=cause,
                trace=watch.trace,
                at=at,
                symbol=position.symbol,
                position_id=position.position_id,
                side=position.side,
                version=position.version,
                stop=stop,
                reason=reason,
            )
        case Left(version=version, reason=reason, close_reason=close_reason):
            return PositionClose(
                id=message_id(PositionClose, position.position_id, close_reason, str(version)),
                cause=cause,
                trace=watch.trace,
                at=at,
                symbol=position.symbol,
                position_id=position.position_id,
                side=position.side,
                version=position.version,
                close_reason=close_reason,
                reason=reason,
            )


def plain(price: Price) -> str:
    """A price's one spelling: 196, 196.0 and 1.96E+2 are the same stop."""
    return format(price.normalize(), "f")
