"""What we want of the venue, written down before we ask for it."""

from dataclasses import dataclass
from typing import Final

from libs.common.contracts.signals import Decision
from libs.common.errors import Transient
from libs.common.exchange.trading_types import Action, OrderStatus, VenueOrder
from libs.common.ids import ENTRY, OrderLinkId, parse_link_id
from libs.common.units import ZERO, Instant, Price, Qty, Side, Symbol, Usd
from services.executor.core.order import OrderEvent, OrderState

ADOPTED: Final = "adopted"


class Overtaken(Transient):
    """Somebody took the symbol after us: our fencing number is old and nothing was written."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One order of ours, entry or exit. `side` is the position's; `sent_at` is wall time of the last send."""

    link_id: OrderLinkId
    position_id: str
    symbol: Symbol
    side: Side
    purpose: str
    qty: Qty
    stop: Price | None
    margin: Usd
    state: OrderState
    cause: str
    trace: str
    at: Instant  # market time of the decision
    valid_until: Instant
    sent_at: Instant
    touched_at: Instant  # wall time of the last change of state: an orphan is one that nobody touches
    filled: Qty = Qty(ZERO)
    average: Price | None = None
    reason: str = ""
    equity: Usd | None = None
    decision: Decision | None = None
    looks: int = 0  # how often every source said that there is no such order, late enough to count

    @property
    def is_entry(self) -> bool:
        return self.purpose == ENTRY


def judged(intent: Intent, order: VenueOrder) -> OrderEvent:
    """Return what the venue's own record says of our order."""
    action = Action.opening(intent.side) if intent.is_entry else Action.closing(intent.side)
    asked = (intent.symbol, action, not intent.is_entry)
    # The venue may cut a reduce-only order down to what is left of the position.
    as_much = order.qty == intent.qty or (order.reduce_only and order.qty < intent.qty)
    if (order.symbol, order.action, order.reduce_only) != asked or not as_much:
        return OrderEvent.CONTRADICTED
    match order.status:
        case OrderStatus.FILLED:
            return OrderEvent.FILLED
        case OrderStatus.PARTIALLY_FILLED:
            return OrderEvent.PART_FILLED
        case OrderStatus.CANCELLED | OrderStatus.DEACTIVATED:
            return OrderEvent.CANCELLED
        case OrderStatus.REJECTED:
            return OrderEvent.REFUSED
        case _:
            return OrderEvent.ACCEPTED


def slot_of(position_id: str) -> Instant:
    """The slot that names a position's exits: the entry's, or the minute an adopted one was created in."""
    name = parse_link_id(position_id)
    if name is not None:
        return name.slot
    created = int(position_id.rpartition("-")[2])
    return Instant(created - created % 60_000)


def adopted_id(symbol: Symbol, created_at: Instant) -> str:
    """The name of a position that we did not open."""
    return f"{ADOPTED}-{symbol}-{created_at}"
