"""What a weaker system would fall for, in every story: replays, stale words, words about others, a hurried candle.

Each is said on purpose and remembered; `fallen` reads off the exchange's own rows whether anybody fell for it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from libs.common.contracts.commands import PositionClose, PositionCommand, StopMove
from libs.common.contracts.message import Message
from libs.common.contracts.signals import SignalMade
from libs.common.ids import ENTRY, OrderName, parse_link_id
from libs.common.units import MINUTE_MS, Instant, Symbol

Row = Mapping[str, JsonValue]


@dataclass
class Said:
    """Everything that was said on `signal` and `command`, and when positions were told apart from older ones."""

    signals: list[SignalMade] = field(default_factory=list)
    commands: list[PositionCommand] = field(default_factory=list)
    echoes: list[tuple[PositionCommand, str, int]] = field(default_factory=list)  # to whom, market time

    def hears(self, messages: Sequence[Message]) -> None:
        self.signals += [each for each in messages if isinstance(each, SignalMade)]
        self.commands += [each for each in messages if isinstance(each, PositionCommand)]

    def echo(self, held: Mapping[Symbol, str], now: Instant) -> list[Message]:
        """Words about positions that are closed, whose symbols have another one now."""
        named = {OrderName(s.symbol, s.slot, ENTRY).link_id() for s in self.signals}
        old = [
            command
            for command in self.commands
            if isinstance(command, StopMove | PositionClose)
            and command.position_id in named
            and held.get(command.symbol, command.position_id) != command.position_id
        ]
        self.echoes += [(command, held[command.symbol], now) for command in old]
        return list(old)


def fallen(audit: Mapping[str, JsonValue], said: Said) -> list[str]:
    """What somebody fell for."""
    orders = [order for order in rows(audit, "orders") if parse_link_id(str(order["orderLinkId"])) is not None]
    entries = [o for o in orders if not o["reduceOnly"] and o["cumExecQty"] not in {"0", ""}]
    return [*_entered_again(entries, said), *_entered_late(entries, said), *_obeyed_for_another(orders, audit, said)]


def rows(audit: Mapping[str, JsonValue], name: str) -> list[Row]:
    listed = audit[name]
    assert isinstance(listed, list)
    return [row for row in listed if isinstance(row, dict)]


def _entered_again(entries: Sequence[Row], said: Said) -> Iterator[str]:
    """An entry is for the candle that its name tells, or for the newest one that was signalled when it was filled."""
    slots: dict[str, set[int]] = {}
    for signal in said.signals:
        slots.setdefault(signal.symbol, set()).add(signal.slot)
    times = Counter((str(order["symbol"]), _candle(order, slots[str(order["symbol"])])) for order in entries)
    for (symbol, slot), number in times.items():
        if number > 1:
            yield f"no signal entered twice: {symbol} was entered {number} times for the candle that closed at {slot}"


def _candle(order: Row, slots: set[int]) -> int:
    name = parse_link_id(str(order["orderLinkId"]))
    at = order["time"]
    assert name is not None
    assert isinstance(at, int)
    return name.slot if name.slot in slots else max(slot for slot in slots if slot <= at)


def _entered_late(entries: Sequence[Row], said: Said) -> Iterator[str]:
    until = {OrderName(s.symbol, s.slot, ENTRY).link_id(): s.valid_until for s in said.signals}
    for order in entries:
        last = until.get(str(order["orderLinkId"]))  # type: ignore[call-overload]
        at = order["time"]
        if last is not None and isinstance(at, int) and at > last + MINUTE_MS:  # it was asked for in time
            yield f"no stale signal entered: {order['orderLinkId']} was filled at {at}, {at - last} ms too late"


def _obeyed_for_another(orders: Sequence[Row], audit: Mapping[str, JsonValue], said: Said) -> Iterator[str]:
    stops = {(str(row["symbol"]), str(row["stop"]), row["time"]) for row in rows(audit, "positions")}
    asked = {command.position_id for command in said.commands if not isinstance(command, StopMove)}
    for command, victim, now in said.echoes:
        if isinstance(command, StopMove):
            moved = [at for symbol, stop, at in stops if (symbol, stop) == (command.symbol, str(command.stop))]
            if any(isinstance(at, int) and at >= now for at in moved):
                yield f"commands name their position: a stop of {command.position_id} was set for {victim}"
        elif victim not in asked:
            x1 = f"{victim.rpartition('-')[0]}-x1"
            left = [o for o in orders if o["orderLinkId"] == x1 and o["time"] == now]
            if left:
                yield f"commands name their position: {victim} was closed by the close of {command.position_id}"
