"""An order, and the only ways in which it may change.

1. A terminal order never changes again.
2. What was filled never shrinks and never exceeds what was ordered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from libs.common.errors import Fatal
from libs.common.exchange.trading_types import Action, OrderStatus
from libs.common.units import ZERO, Instant, Price, Qty, Symbol, Usd
from services.paper_exchange.core.books.leg import Key, Leg

S = OrderStatus


class OrderEvent(StrEnum):
    FILL_PART = "filled in part"
    FILL_ALL = "filled"
    CANCEL = "cancelled"
    TRIGGER = "triggered"
    WORK = "put to work"


E = OrderEvent
TRANSITIONS: Final[Mapping[tuple[OrderStatus, OrderEvent], OrderStatus]] = {
    (S.NEW, E.FILL_PART): S.PARTIALLY_FILLED,
    (S.NEW, E.FILL_ALL): S.FILLED,
    (S.NEW, E.CANCEL): S.CANCELLED,
    (S.PARTIALLY_FILLED, E.FILL_PART): S.PARTIALLY_FILLED,
    (S.PARTIALLY_FILLED, E.FILL_ALL): S.FILLED,
    (S.PARTIALLY_FILLED, E.CANCEL): S.CANCELLED,  # it keeps its fills
    (S.UNTRIGGERED, E.TRIGGER): S.TRIGGERED,
    (S.UNTRIGGERED, E.CANCEL): S.DEACTIVATED,  # it never reached the book
    (S.TRIGGERED, E.WORK): S.NEW,  # at once: nobody sees an order rest as Triggered
}


class Kind(StrEnum):
    MARKET = "Market"
    LIMIT = "Limit"


class InForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    POST_ONLY = "PostOnly"


class Direction(StrEnum):
    NONE = "0"
    RISE = "1"
    FALL = "2"


class TriggerBy(StrEnum):
    LAST = "LastPrice"
    MARK = "MarkPrice"
    INDEX = "IndexPrice"  # which is the mark here


class Cover(StrEnum):
    """How much of a position a stop loss or take profit closes."""

    FULL = "Full"  # all of it, whatever its size becomes
    PARTIAL = "Partial"  # a fixed quantity


class StopKind(StrEnum):
    NONE = ""
    STOP = "Stop"  # a conditional order of the user's
    STOP_LOSS = "StopLoss"
    TAKE_PROFIT = "TakeProfit"
    TRAILING = "TrailingStop"
    PART_STOP_LOSS = "PartialStopLoss"
    PART_TAKE_PROFIT = "PartialTakeProfit"


class Creator(StrEnum):
    USER = "CreateByUser"
    STOP_ORDER = "CreateByStopOrder"
    STOP_LOSS = "CreateByStopLoss"
    TAKE_PROFIT = "CreateByTakeProfit"
    PART_STOP_LOSS = "CreateByPartialStopLoss"
    PART_TAKE_PROFIT = "CreateByPartialTakeProfit"
    TRAILING = "CreateByTrailingStop"
    TAKE_OVER = "CreateByTakeOver_PassThrough"


class CancelReason(StrEnum):
    NONE = "UNKNOWN"  # also what nobody cancelled: the rest that may not wait
    USER = "CancelByUser"
    REDUCE_ONLY = "CancelByReduceOnly"
    FLAT = "CancelByTpSlTsClear"
    LIQUIDATION = "CancelAllBeforeLiq"


class ToleranceType(StrEnum):
    TICKS = "TickSize"
    PERCENT = "Percent"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far beyond the touch a market order may fill: ticks, or per cent of the price."""

    kind: ToleranceType
    value: Decimal


@dataclass(frozen=True, slots=True)
class Terms:
    """How a stop loss or take profit is triggered, and the limit that it then sends; None: a market order."""

    by: TriggerBy = TriggerBy.LAST
    limit: Price | None = None


PLAIN: Final = Terms()
GUARDS: Final = frozenset(StopKind) - {StopKind.NONE, StopKind.STOP}
PARTIALS: Final = frozenset({StopKind.PART_STOP_LOSS, StopKind.PART_TAKE_PROFIT})  # guards with a quantity of their own
STOPS: Final = frozenset({StopKind.STOP_LOSS, StopKind.PART_STOP_LOSS, StopKind.TRAILING})  # guards against a loss


@dataclass(frozen=True, slots=True)
class Order:
    """One order as the exchange keeps it; `price` of a market order is the worst it would have taken.

    stop_loss, take_profit: what comes with the order and goes to the position that it opens, to `cover` of it.
    parent: id of the order that a guard came with.
    """

    seq: int
    order_id: str
    link_id: str
    symbol: Symbol
    action: Action
    kind: Kind
    qty: Qty
    price: Price | None
    in_force: InForce
    created_at: Instant
    updated_at: Instant
    last_on_created: Price
    status: OrderStatus = S.NEW
    leg: Leg = Leg.ONE_WAY
    reduce_only: bool = False
    close_on_trigger: bool = False
    trigger: Price | None = None
    trigger_by: TriggerBy = TriggerBy.LAST
    direction: Direction = Direction.NONE
    stop_loss: Price | None = None
    take_profit: Price | None = None
    stop_terms: Terms = PLAIN
    target_terms: Terms = PLAIN
    cover: Cover = Cover.FULL
    tolerance: Tolerance | None = None
    parent: str = ""
    stop_kind: StopKind = StopKind.NONE
    creator: Creator = Creator.USER
    cancel_reason: CancelReason = CancelReason.NONE
    reject_reason: str = "EC_NoError"
    filled: Qty = Qty(ZERO)
    filled_value: Usd = Usd(ZERO)
    fee: Usd = Usd(ZERO)

    @property
    def leaves(self) -> Qty:
        """What may still be filled; nothing of a terminal order."""
        return Qty(ZERO if self.status.is_terminal else self.qty - self.filled)

    @property
    def waits(self) -> bool:
        """Whether it is conditional and has not been triggered."""
        return self.status is S.UNTRIGGERED

    @property
    def key(self) -> Key:
        """The position that it is about."""
        return self.symbol, self.leg

    @property
    def guards(self) -> bool:
        """Whether it belongs to the position (stop loss, take profit, trailing) and not to the user's own orders."""
        return self.stop_kind in GUARDS

    @property
    def reduces(self) -> bool:
        """Whether it may only make its position smaller."""
        return self.reduce_only or self.close_on_trigger or self.leg.closes(self.action)


def moved(order: Order, event: OrderEvent, at: Instant) -> Order:
    """Return `order` after `event`; raises Fatal for what the table does not have."""
    return replace(order, status=_after(order, event), updated_at=at)


def filled(order: Order, qty: Qty, price: Price, fee: Usd, at: Instant) -> Order:
    """Return `order` with one more fill."""
    whole = order.filled + qty
    if qty <= 0 or whole > order.qty:
        raise Fatal(f"order {order.order_id}: {qty} more than the {order.leaves} that is left")
    return replace(
        order,
        status=_after(order, E.FILL_ALL if whole == order.qty else E.FILL_PART),
        filled=Qty(whole),
        filled_value=Usd(order.filled_value + qty * price),
        fee=Usd(order.fee + fee),
        updated_at=at,
    )


def cancelled(order: Order, reason: CancelReason, at: Instant, *, reject_reason: str = "EC_NoError") -> Order:
    """Return `order` taken from the book, with what it had been filled."""
    status = _after(order, E.CANCEL)
    return replace(order, status=status, cancel_reason=reason, reject_reason=reject_reason, updated_at=at)


def _after(order: Order, event: OrderEvent) -> OrderStatus:
    status = TRANSITIONS.get((order.status, event))
    if status is None:
        raise Fatal(f"order {order.order_id} is {order.status} and cannot be {event}")
    return status
