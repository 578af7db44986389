"""The requests that change something, by their path: fields in, the venue's `result` out, Refused otherwise."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from libs.common.errors import Refused
from libs.common.units import ZERO, Fraction, Price, Qty, Symbol
from services.paper_exchange.core.books.account import set_leverage, set_margin_mode, switch_all, switch_symbol
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import MarginMode, Moment
from services.paper_exchange.core.books.changing import Amendment, amend, cancel_all
from services.paper_exchange.core.books.checks import check_leg, listed
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.books.guards import FullGuards, PartialGuards, add_partial, set_guards
from services.paper_exchange.core.books.new_order import as_price, read_leg, read_new_order, read_terms
from services.paper_exchange.core.books.order import Cover, Order, TriggerBy
from services.paper_exchange.core.books.placing import cancel, find_open, place
from services.paper_exchange.core.books.position import Trailing
from services.paper_exchange.core.books.refusals import bad

Command = Callable[[Books, Fields, Moment], Json]
_ONE_WAY: Final = 0
_HEDGE: Final = 3


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
        trigger_by=_by(fields, "triggerBy"),
        stop_by=_by(fields, "slTriggerBy"),
        target_by=_by(fields, "tpTriggerBy"),
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
    if buy is None or sell is None:
        raise bad("params error: buyLeverage and sellLeverage required")
    set_leverage(books, symbol, Fraction(buy), Fraction(sell), moment)
    return {}


def switch_mode(books: Books, fields: Fields, moment: Moment) -> Json:
    """Unchanged is refused for a symbol; for a coin it is a batch, which succeeds when nothing changes."""
    fields.linear()
    mode = fields.whole("mode")
    if mode not in {_ONE_WAY, _HEDGE}:
        raise bad("params error: mode must be 0 or 3")
    if fields.has("symbol"):
        switch_symbol(books, fields.symbol(), moment, hedge=mode == _HEDGE)
    elif fields.required("coin") == "USDT":
        switch_all(books, moment, hedge=mode == _HEDGE)
    else:
        raise bad("params error: coin must be USDT")
    return {}


def trading_stop(books: Books, fields: Fields, moment: Moment) -> Json:
    """Set, move or (with zero) remove the position's stop loss, take profit and trailing stop; or add partial ones."""
    fields.linear()
    symbol, leg = listed(books, fields.symbol(), moment).symbol, read_leg(fields)
    check_leg(books, symbol, leg)
    if fields.choice("tpslMode", Cover, Cover.FULL) is Cover.PARTIAL:
        add_partial(books, (symbol, leg), _partial(fields), moment)
        return {}
    before = FullGuards.of(books.position(symbol, leg))
    wanted = FullGuards(
        stop=_moved(fields, "stopLoss", before.stop),
        take_profit=_moved(fields, "takeProfit", before.take_profit),
        stop_terms=read_terms(fields, "sl", Cover.FULL, before.stop_terms),
        target_terms=read_terms(fields, "tp", Cover.FULL, before.target_terms),
        trailing=_trailing(fields, before.trailing, books.last[symbol]),
    )
    set_guards(books, (symbol, leg), wanted, moment)
    return {}


def _partial(fields: Fields) -> PartialGuards:
    stop, target = as_price(fields.price("stopLoss")), as_price(fields.price("takeProfit"))
    sizes = {
        size
        for given, size in ((stop, fields.number("slSize")), (target, fields.number("tpSize")))
        if given is not None
    }
    if len(sizes) > 1 or None in sizes:
        raise bad("params error: tpSize and slSize are required for what is set, and must be equal")
    return PartialGuards(
        stop=stop,
        take_profit=target,
        stop_terms=read_terms(fields, "sl", Cover.PARTIAL),
        target_terms=read_terms(fields, "tp", Cover.PARTIAL),
        qty=Qty(sizes.pop() or ZERO) if sizes else Qty(ZERO),
    )


def _trailing(fields: Fields, before: Trailing | None, last: Price) -> Trailing | None:
    distance = _given(fields, "trailingStop")
    if distance is None:
        return before
    if distance == ZERO:
        return None
    activation = as_price(fields.price("activePrice"))
    if before is not None and (before.distance, before.activation) == (distance, activation):
        return before
    return Trailing(distance, activation, last if activation is None else None)


def change_margin_mode(books: Books, fields: Fields, moment: Moment) -> Json:
    set_margin_mode(books, fields.choice("setMarginMode", MarginMode), moment)
    return {"reasons": []}


COMMANDS: Final[Mapping[str, Command]] = {
    "/v5/order/create": create_order,
    "/v5/order/amend": amend_order,
    "/v5/order/cancel": cancel_order,
    "/v5/order/cancel-all": cancel_all_orders,
    "/v5/position/set-leverage": change_leverage,
    "/v5/position/switch-mode": switch_mode,
    "/v5/position/trading-stop": trading_stop,
    "/v5/account/set-margin-mode": change_margin_mode,
}
AUDITED: Final = frozenset(path for path in COMMANDS if path.startswith("/v5/order/") or path.endswith("trading-stop"))


BATCH: Final = "-batch"  # how the path of many at once ends
MOST_BATCHED: Final = 20


def parts_of(path: str, fields: Fields) -> Sequence[Fields]:
    """Return what a request asks for one by one; a batch that cannot be read, or is none, is one."""
    if not path.endswith(BATCH):
        return [fields]
    try:
        parts = [Fields(item) for item in fields.objects("request")[:MOST_BATCHED]]
    except Refused:
        parts = []
    return parts or [fields]


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


def _by(fields: Fields, name: str) -> TriggerBy | None:
    return fields.choice(name, TriggerBy) if fields.has(name) else None


def _moved(fields: Fields, name: str, now: Price | None) -> Price | None:
    value = _given(fields, name)
    if value is None:
        return now
    return None if value == ZERO else value
