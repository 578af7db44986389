"""Orders as clients send them: create, amend, cancel. Everything is checked before anything changes."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action, OrderStatus
from libs.common.units import ZERO, Price, Qty, Symbol, floor_to
from services.paper_exchange.core import refusals as no
from services.paper_exchange.core.books import Books
from services.paper_exchange.core.changes import Moment
from services.paper_exchange.core.checks import check_order, listed
from services.paper_exchange.core.depth import Quote
from services.paper_exchange.core.guards import keep_guards, unguarded
from services.paper_exchange.core.new_order import NewOrder
from services.paper_exchange.core.order import (
    CancelReason,
    InForce,
    Kind,
    Order,
    StopKind,
    cancelled,
)
from services.paper_exchange.core.position import side_of
from services.paper_exchange.core.refusals import refusal

PROTECTION: Final = Decimal("0.05")  # a market order takes no worse than this


def place(books: Books, new: NewOrder, moment: Moment) -> Order:
    """Accept `new` and do at once what it does at once; raises Refused with the venue's code otherwise."""
    instrument = listed(books, new.symbol, moment)
    quote = books.quote(new.symbol, moment)
    wanted = replace(new, qty=_whole(books, new, instrument)) if new.whole_position else new
    check_order(books, wanted, instrument, quote)
    order = books.put(_order(books, wanted, quote, instrument, moment))
    if not order.waits:
        work(books, order, quote, moment)
    books.finish(order.symbol, moment)
    return order


def _whole(books: Books, new: NewOrder, instrument: Instrument) -> Qty:
    return min(books.position(new.symbol).size, instrument.max_market_qty)


def _order(books: Books, new: NewOrder, quote: Quote, instrument: Instrument, moment: Moment) -> Order:
    number, order_id = books.next_order()
    conditional = new.trigger is not None
    return Order(
        seq=number,
        order_id=order_id,
        link_id=new.link_id,
        symbol=new.symbol,
        action=new.action,
        kind=new.kind,
        qty=new.qty,
        price=new.price or protection(new.action, quote, instrument),
        in_force=new.in_force,
        created_at=moment.market,
        updated_at=moment.market,
        last_on_created=quote.last,
        status=OrderStatus.UNTRIGGERED if conditional else OrderStatus.NEW,
        reduce_only=new.reduce_only,
        close_on_trigger=new.close_on_trigger,
        trigger=new.trigger,
        direction=new.direction,
        stop_loss=new.stop_loss,
        take_profit=new.take_profit,
        stop_kind=StopKind.STOP if conditional else StopKind.NONE,
    )


def protection(action: Action, quote: Quote, instrument: Instrument) -> Price:
    """Return the price that a market order shows: the worst it would take."""
    reach = 1 + PROTECTION if action is Action.BUY else 1 - PROTECTION
    return Price(floor_to(quote.last * reach, instrument.tick) or instrument.tick)


def work(books: Books, order: Order, quote: Quote, moment: Moment, *, worst: Price | None = None) -> None:
    """Fill what fills now, rest or cancel the rest. `worst`: a triggered order gets no better price than that."""
    if order.kind is Kind.MARKET:
        price = quote.touch(order.action)
        take(books, order, price if worst is None else less_good(order.action, price, worst), moment)
    elif not crosses(order, quote):
        if order.in_force in {InForce.IOC, InForce.FOK}:
            books.put(cancelled(order, CancelReason.UNFILLABLE, moment.market, reject_reason="EC_NoImmediateQtyToFill"))
    elif order.in_force is InForce.POST_ONLY:
        reason = "EC_PostOnlyWillTakeLiquidity"
        books.put(cancelled(order, CancelReason.UNFILLABLE, moment.market, reject_reason=reason))
    else:
        take(books, order, quote.touch(order.action), moment)


def take(books: Books, order: Order, price: Price, moment: Moment, *, maker: bool = False) -> None:
    """Fill all of `order` at `price`; a reduce-only order is filled to the position's size and no further."""
    position = books.position(order.symbol)
    may_reduce = position.side is not None and side_of(order.action) is not position.side
    room = position.size if may_reduce else Qty(ZERO)
    qty = min(order.leaves, room) if order.reduce_only else order.leaves
    if qty:
        books.fill(order, qty, price, moment, maker=maker)
    left = books.orders.get(order.symbol, {}).get(order.order_id)
    if left is not None and order.reduce_only:
        books.put(cancelled(left, CancelReason.REDUCE_ONLY, moment.market))
    keep_guards(books, order, moment)


def crosses(order: Order, quote: Quote) -> bool:
    """Whether a limit order would take from the book at once."""
    price = order.price or ZERO
    return price >= quote.ask if order.action is Action.BUY else price <= quote.bid


def less_good(action: Action, price: Price, bound: Price) -> Price:
    """The worse of two prices for the one who trades."""
    return max(price, bound) if action is Action.BUY else min(price, bound)


def cancel(books: Books, order: Order, moment: Moment) -> None:
    """Take an open order from the book; a position's own stop goes with its order."""
    books.put(cancelled(order, CancelReason.USER, moment.market))
    if order.guards:
        books.put_position(unguarded(books.position(order.symbol), order.stop_kind))
    books.finish(order.symbol, moment)


def find_open(books: Books, symbol: Symbol, order_id: str, link_id: str) -> Order:
    """Return the open order of that id (the venue's outranks the client's); raises Refused (110001)."""
    for order in books.open_orders(symbol):
        if order.order_id == order_id or (not order_id and link_id and order.link_id == link_id):
            return order
    raise refusal(no.NO_ORDER)
