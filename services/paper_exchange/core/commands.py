"""The requests that change something, by their path: fields in, the venue's `result` out, Refused otherwise."""

from collections.abc import Callable, Mapping
from typing import Final

from libs.common.units import ZERO, Fraction, Price, Qty, Symbol
from services.paper_exchange.core import refusals as no
from services.paper_exchange.core.books import Books
from services.paper_exchange.core.changes import Moment
from services.paper_exchange.core.changing import Amendment, amend, cancel_all, set_leverage
from services.paper_exchange.core.checks import listed
from services.paper_exchange.core.fields import Fields, Json
from services.paper_exchange.core.guards import set_guards
from services.paper_exchange.core.new_order import one_way, read_new_order
from services.paper_exchange.core.order import Order
from services.paper_exchange.core.placing import cancel, find_open, place
from services.paper_exchange.core.refusals import bad, refusal

Command = Callable[[Books, Fields, Moment], Json]


def create_order(books: Books, fields: Fields, moment: Moment) -> Json:
    return _ids(place(books, read_new_order(fields), moment))


def amend_order(books: Books, fields: Fields, moment: Moment) -> Json:
    order = _named(books, fields, moment)
    change = Amendment(
        qty=_qty(fields, "qty"),
        price=_given(fields, "price"),
        trigger=_given(fields, "triggerPrice"),
        stop_loss=_given(fields, "stopLoss"),
        take_profit=_given(fields, "takeProfit"),
    )
    return _ids(amend(books, order, change, moment))


def cancel_order(books: Books, fields: Fields, moment: Moment) -> Json:
    order = _named(books, fields, moment)
    cancel(books, order, moment)
    return _ids(order)


def cancel_all_orders(books: Books, fields: Fields, moment: Moment) -> Json:
    fields.linear()
    if not (fields.has("symbol") or fields.has("baseCoin") or fields.has("settleCoin")):
        raise bad("params error: symbol, baseCoin or settleCoin required")
    symbol = listed(books, fields.symbol(), moment).symbol if fields.has("symbol") else None
    kind, stop_kind = fields.text("orderFilter"), fields.text("stopOrderType")
    chosen = [
        order
        for order in books.open_orders(symbol)
        if (not kind or (kind == "StopOrder") == order.waits)
        and (not stop_kind or order.stop_kind == stop_kind)
        and (symbol or _is_of(order.symbol, fields))
    ]
    return {"list": [_ids(order) for order in cancel_all(books, chosen, moment)], "success": "1"}


def change_leverage(books: Books, fields: Fields, moment: Moment) -> Json:
    fields.linear()
    symbol = fields.symbol()
    buy, sell = fields.number("buyLeverage"), fields.number("sellLeverage")
    if buy is None or buy != sell:
        raise bad("params error: buy leverage must equal sell leverage in one-way mode")
    set_leverage(books, symbol, Fraction(buy), moment)
    return {}


def switch_mode(books: Books, fields: Fields, moment: Moment) -> Json:
    """Only one-way mode is offered; asking for it by coin is a batch and succeeds when nothing changes."""
    fields.linear()
    hedge = fields.whole("mode") == 3
    symbol = listed(books, fields.symbol(), moment).symbol if fields.has("symbol") else None
    if not hedge:
        if symbol is not None:
            raise refusal(no.MODE_SAME)
        return {}
    if any(symbol in {None, position.symbol} for position in books.open_positions()):
        raise refusal(no.POSITION_BLOCKS_MODE)
    if books.open_orders(symbol):
        raise refusal(no.ORDERS_BLOCK_MODE)
    raise bad("params error: hedge mode is not offered")


def trading_stop(books: Books, fields: Fields, moment: Moment) -> Json:
    """Set, move or (with zero) remove the position's stop loss and take profit."""
    fields.linear()
    one_way(fields)
    if fields.text("tpslMode", "Full") != "Full" or fields.price("trailingStop"):
        raise bad("params error: only tpslMode Full without trailingStop is offered")
    symbol = listed(books, fields.symbol(), moment).symbol
    position = books.position(symbol)
    set_guards(
        books,
        symbol,
        moment,
        stop=_moved(fields, "stopLoss", position.stop),
        take_profit=_moved(fields, "takeProfit", position.take_profit),
    )
    return {}


def set_margin_mode(_books: Books, fields: Fields, _moment: Moment) -> Json:
    if fields.required("setMarginMode") not in {"ISOLATED_MARGIN", "REGULAR_MARGIN"}:
        raise bad("params error: setMarginMode invalid")
    return {"reasons": []}


COMMANDS: Final[Mapping[str, Command]] = {
    "/v5/order/create": create_order,
    "/v5/order/amend": amend_order,
    "/v5/order/cancel": cancel_order,
    "/v5/order/cancel-all": cancel_all_orders,
    "/v5/position/set-leverage": change_leverage,
    "/v5/position/switch-mode": switch_mode,
    "/v5/position/trading-stop": trading_stop,
    "/v5/account/set-margin-mode": set_margin_mode,
}
AUDITED: Final = frozenset(path for path in COMMANDS if path.startswith("/v5/order/") or path.endswith("trading-stop"))


def _named(books: Books, fields: Fields, moment: Moment) -> Order:
    fields.linear()
    symbol = listed(books, fields.symbol(), moment).symbol
    order_id, link_id = fields.text("orderId"), fields.link_id()
    if not order_id and not link_id:
        raise bad("params error: orderId or orderLinkId required")
    return find_open(books, Symbol(symbol), order_id, link_id)


def _is_of(symbol: Symbol, fields: Fields) -> bool:
    """Whether a contract is of the coins that the request names; all of ours are settled in USDT."""
    base = fields.text("baseCoin")
    return symbol == f"{base}USDT" if base else fields.text("settleCoin") == "USDT"


def _ids(order: Order) -> Json:
    return {"orderId": order.order_id, "orderLinkId": order.link_id}


def _given(fields: Fields, name: str) -> Price | None:
    value = fields.number(name)
    return None if value is None else Price(value)


def _qty(fields: Fields, name: str) -> Qty | None:
    value = fields.number(name)
    return None if value is None else Qty(value)


def _moved(fields: Fields, name: str, now: Price | None) -> Price | None:
    value = _given(fields, name)
    if value is None:
        return now
    return None if value == ZERO else value
