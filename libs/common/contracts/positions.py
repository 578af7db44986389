"""What is open at the venue, as the executor's ledger has it."""

from typing import ClassVar

from libs.common.contracts.bounds import Count, Moment, PositivePrice, PriceRange, Quantity, VenueSymbol
from libs.common.contracts.message import Message, Value
from libs.common.contracts.signals import Decision
from libs.common.units import Fraction, Side, Usd


class PartialExit(Value):
    """A reduction of an open position: realised price difference before fees."""

    qty: Quantity
    price: PositivePrice
    gross: Usd
    reason: str
    at: Moment


class OpenPosition(Value):
    """One open position. `version` counts its changes of size and stop."""

    position_id: str  # the entry's order id, or adopted-SYMBOL-<venue createdTime>
    symbol: VenueSymbol
    side: Side
    qty: Quantity
    entry: PositivePrice  # volume-weighted
    stop: PositivePrice | None  # as confirmed by the venue
    initial_stop: PositivePrice | None
    version: Count
    leverage: Fraction
    margin: Usd  # initial margin really used
    opened_at: Moment
    atr: PriceRange | None  # at the decision; None for an adopted position
    decision: Decision | None
    partial_exits: tuple[PartialExit, ...] = ()


class PositionOpened(Message):
    schema_name: ClassVar[str] = "position.opened.v1"
    position: OpenPosition


class PositionChanged(Message):
    """Size or stop changed; the version has grown."""

    schema_name: ClassVar[str] = "position.changed.v1"
    position: OpenPosition
    reason: str


class PositionClosed(Message):
    """Flat at the venue. The trade follows on `ik:trade` when its books are complete."""

    schema_name: ClassVar[str] = "position.closed.v1"
    position_id: str
    symbol: VenueSymbol
    side: Side
    version: Count


class PositionSnapshot(Message):
    """Every open position: heals a reader that missed anything."""

    schema_name: ClassVar[str] = "position.snapshot.v1"
    positions: tuple[OpenPosition, ...]
