"""A wish for an order, read from a request; what it says is checked here, whether it may be in placing.py."""

from dataclasses import dataclass
from decimal import Decimal

from libs.common.exchange.trading_types import Action
from libs.common.units import ZERO, Price, Qty, Symbol
from services.paper_exchange.core.fields import Fields
from services.paper_exchange.core.order import Direction, InForce, Kind
from services.paper_exchange.core.refusals import bad


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What a client asks for; `qty` zero means the whole position (reduce-only, close on trigger)."""

    symbol: Symbol
    action: Action
    kind: Kind
    qty: Qty
    price: Price | None = None
    in_force: InForce = InForce.GTC
    link_id: str = ""
    reduce_only: bool = False
    close_on_trigger: bool = False
    trigger: Price | None = None
    direction: Direction = Direction.NONE
    stop_loss: Price | None = None
    take_profit: Price | None = None

    @property
    def whole_position(self) -> bool:
        return self.qty == ZERO and self.reduce_only and self.close_on_trigger


def read_new_order(fields: Fields) -> NewOrder:
    """Read the body of order/create; raises Refused (10001) for the first field that makes no sense."""
    fields.linear()
    one_way(fields)
    kind = fields.choice("orderType", Kind)
    qty = fields.number("qty")
    if qty is None:
        raise bad("params error: qty required")
    price = fields.price("price")
    if kind is Kind.LIMIT and price is None:
        raise bad("params error: price required")
    trigger = fields.price("triggerPrice")
    direction = fields.choice("triggerDirection", Direction, Direction.NONE)
    if trigger is not None and direction is Direction.NONE:
        raise bad("params error: triggerDirection required")
    return NewOrder(
        symbol=fields.symbol(),
        action=fields.choice("side", Action),
        kind=kind,
        qty=Qty(qty),
        price=_price(price) if kind is Kind.LIMIT else None,
        in_force=InForce.IOC if kind is Kind.MARKET else fields.choice("timeInForce", InForce, InForce.GTC),
        link_id=fields.link_id(),
        reduce_only=fields.flag("reduceOnly"),
        close_on_trigger=fields.flag("closeOnTrigger"),
        trigger=_price(trigger),
        direction=direction,
        stop_loss=_price(fields.price("stopLoss")),
        take_profit=_price(fields.price("takeProfit")),
    )


def one_way(fields: Fields) -> None:
    """Refuse a hedge-mode index: this account is in one-way mode."""
    if fields.whole("positionIdx", 0) != 0:
        raise bad("params error: position idx not match position mode")


def _price(value: Decimal | None) -> Price | None:
    return None if value is None else Price(value)
