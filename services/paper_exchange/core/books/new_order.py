"""A wish for an order, read from a request; what it says is checked here, whether it may be in checks.py."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from libs.common.exchange.trading_types import Action
from libs.common.units import ZERO, Price, Qty, Symbol
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.books.leg import Leg
from services.paper_exchange.core.books.order import (
    PLAIN,
    Cover,
    Direction,
    InForce,
    Kind,
    Terms,
    Tolerance,
    ToleranceType,
    TriggerBy,
)
from services.paper_exchange.core.books.refusals import bad

_LEGS: Final = frozenset(leg.value for leg in Leg)
_MOST_TICKS: Final = 10_000
_MOST_PERCENT: Final = 10
DEEPEST: Final = 5  # level of the book that a price may be taken from


class BookSide(StrEnum):
    """Where a limit price is taken from when the client leaves it to the venue."""

    QUEUE = "Queue"  # the own side: it rests
    COUNTERPARTY = "Counterparty"  # the other side: it takes


@dataclass(frozen=True, slots=True)
class FromBook:
    side: BookSide
    level: int  # 1 is the best


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What a client asks for; `qty` zero means the whole position (reduce-only, close on trigger).

    A limit order has a `price`, or `from_book` says where it comes from.
    """

    symbol: Symbol
    action: Action
    kind: Kind
    qty: Qty
    price: Price | None = None
    from_book: FromBook | None = None
    in_force: InForce = InForce.GTC
    link_id: str = ""
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

    @property
    def whole_position(self) -> bool:
        return self.qty == ZERO and self.reduce_only and self.close_on_trigger

    @property
    def reduces(self) -> bool:
        """Whether it may only make its position smaller."""
        return self.reduce_only or self.close_on_trigger or self.leg.closes(self.action)


def read_new_order(fields: Fields) -> NewOrder:
    """Read the body of order/create; raises Refused (10001) for the first field that makes no sense."""
    fields.linear()
    kind = fields.choice("orderType", Kind)
    qty = fields.number("qty")
    if qty is None:
        raise bad("params error: qty required")
    price, from_book = fields.price("price"), _from_book(fields) if kind is Kind.LIMIT else None
    if kind is Kind.LIMIT and price is None and from_book is None:
        raise bad("params error: price required")
    trigger = fields.price("triggerPrice")
    direction = fields.choice("triggerDirection", Direction, Direction.NONE)
    if trigger is not None and direction is Direction.NONE:
        raise bad("params error: triggerDirection required")
    cover = fields.choice("tpslMode", Cover, Cover.FULL)
    return NewOrder(
        symbol=fields.symbol(),
        action=fields.choice("side", Action),
        kind=kind,
        qty=Qty(qty),
        price=as_price(price) if kind is Kind.LIMIT else None,
        from_book=from_book,
        in_force=InForce.IOC if kind is Kind.MARKET else fields.choice("timeInForce", InForce, InForce.GTC),
        link_id=fields.link_id(),
        leg=read_leg(fields),
        reduce_only=fields.flag("reduceOnly"),
        close_on_trigger=fields.flag("closeOnTrigger"),
        trigger=as_price(trigger),
        trigger_by=fields.choice("triggerBy", TriggerBy, TriggerBy.LAST),
        direction=direction,
        stop_loss=as_price(fields.price("stopLoss")),
        take_profit=as_price(fields.price("takeProfit")),
        stop_terms=read_terms(fields, "sl", cover),
        target_terms=read_terms(fields, "tp", cover),
        cover=cover,
        tolerance=_tolerance(fields) if kind is Kind.MARKET else None,
    )


def read_leg(fields: Fields) -> Leg:
    """Read positionIdx; raises Refused for what is none."""
    number = fields.whole("positionIdx", 0)
    if number not in _LEGS:
        raise bad("params error: position idx not match position mode")
    return Leg(number)


def read_terms(fields: Fields, which: str, cover: Cover, usual: Terms = PLAIN) -> Terms:
    """Read how a stop loss (`sl`) or take profit (`tp`) is triggered and what it sends."""
    by = fields.choice(f"{which}TriggerBy", TriggerBy, usual.by)
    kind = fields.choice(f"{which}OrderType", Kind, Kind.MARKET)
    limit = as_price(fields.price(f"{which}LimitPrice"))
    if kind is Kind.MARKET:
        return Terms(by)
    if cover is Cover.FULL:
        raise bad(f"params error: {which}OrderType Limit needs tpslMode Partial")
    if limit is None:
        raise bad(f"params error: {which}LimitPrice required")
    return Terms(by, limit)


def as_price(value: Decimal | None) -> Price | None:
    return None if value is None else Price(value)


def _from_book(fields: Fields) -> FromBook | None:
    if not fields.has("bboSideType"):
        return None
    level = fields.whole("bboLevel", 1) or 0
    if not 1 <= level <= DEEPEST:
        raise bad(f"params error: bboLevel must be 1 to {DEEPEST}")
    return FromBook(fields.choice("bboSideType", BookSide), level)


def _tolerance(fields: Fields) -> Tolerance | None:
    if not fields.has("slippageToleranceType"):
        return None
    kind, value = fields.choice("slippageToleranceType", ToleranceType), fields.number("slippageTolerance")
    most = _MOST_TICKS if kind is ToleranceType.TICKS else _MOST_PERCENT
    if value is None or not ZERO < value <= most:
        raise bad(f"params error: slippageTolerance must be more than 0 and at most {most}")
    return Tolerance(kind, value)
