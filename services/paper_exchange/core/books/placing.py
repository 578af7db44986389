"""Orders as clients send them: create, fill, cancel. Everything is checked before anything changes."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action, OrderStatus
from libs.common.units import ZERO, Price, Qty, Symbol, floor_to
from services.paper_exchange.core.books import refusals as no
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.books.checks import check_order, listed
from services.paper_exchange.core.books.guards import keep_guards, unguarded
from services.paper_exchange.core.books.new_order import BookSide, FromBook, NewOrder
from services.paper_exchange.core.books.order import (
    CancelReason,
    InForce,
    Order,
    StopKind,
    Tolerance,
    ToleranceType,
    cancelled,
)
from services.paper_exchange.core.books.position import side_of
from services.paper_exchange.core.books.refusals import refusal
from services.paper_exchange.core.market.depth import Quote

PROTECTION: Final = Decimal("0.05")  # a market order takes no worse than this
_NOT_AT_ONCE: Final = "EC_NoImmediateQtyToFill"
_WOULD_TAKE: Final = "EC_PostOnlyWillTakeLiquidity"


def place(books: Books, new: NewOrder, moment: Moment) -> Order:
    """Accept `new` and do at once what it does at once; raises Refused with the venue's code otherwise."""
    instrument = listed(books, new.symbol, moment)
    quote = books.quote(new.symbol, moment)
    wanted = _resolved(books, new, quote, instrument)
    check_order(books, wanted, instrument, quote)
    order = books.put(_order(books, wanted, quote, instrument, moment))
    if not order.waits:
        work(books, order, quote, moment)
    books.finish(order.key, moment)
    return order


def _resolved(books: Books, new: NewOrder, quote: Quote, instrument: Instrument) -> NewOrder:
    """Fill in what the client left to the venue: the quantity of a whole position, a price of the book."""
    if new.whole_position:
        size = books.position(new.symbol, new.leg).size
        new = replace(new, qty=min(size, instrument.max_market_qty))
    if new.from_book is not None:
        new = replace(new, price=_price_of(new.from_book, new.action, quote))
    return new


def _price_of(place: FromBook, action: Action, quote: Quote) -> Price:
    other = Action.SELL if action is Action.BUY else Action.BUY
    levels = quote.levels(action if place.side is BookSide.COUNTERPARTY else other, place.level)
    return levels[-1].price


def _order(books: Books, new: NewOrder, quote: Quote, instrument: Instrument, moment: Moment) -> Order:
    number, order_id = books.next_order()
    conditional = new.trigger is not None
    return Order(
        seq=number,
        order_id=order_id,
        link_id=new.link_id,
        symbol=new.symbol,
        leg=new.leg,
        action=new.action,
        kind=new.kind,
        qty=new.qty,
        price=new.price or protection(new.action, quote, instrument, new.tolerance),
        in_force=new.in_force,
        created_at=moment.market,
        updated_at=moment.market,
        last_on_created=quote.last,
        status=OrderStatus.UNTRIGGERED if conditional else OrderStatus.NEW,
        reduce_only=new.reduce_only,
        close_on_trigger=new.close_on_trigger,
        trigger=new.trigger,
        trigger_by=new.trigger_by,
        direction=new.direction,
        stop_loss=new.stop_loss,
        take_profit=new.take_profit,
        stop_terms=new.stop_terms,
        target_terms=new.target_terms,
        cover=new.cover,
        tolerance=new.tolerance,
        stop_kind=StopKind.STOP if conditional else StopKind.NONE,
    )


def protection(action: Action, quote: Quote, instrument: Instrument, tolerance: Tolerance | None = None) -> Price:
    """Return the price that a market order shows: the worst it would take."""
    sign = 1 if action is Action.BUY else -1
    if tolerance is None:
        worst = quote.last * (1 + sign * PROTECTION)
    elif tolerance.kind is ToleranceType.TICKS:
        worst = quote.touch(action) + sign * tolerance.value * instrument.tick
    else:
        worst = quote.touch(action) * (1 + sign * tolerance.value / 100)
    return Price(max(floor_to(worst, instrument.tick), instrument.tick))


def work(books: Books, order: Order, quote: Quote, moment: Moment, *, worst: Price | None = None) -> None:
    """Fill what fills now, rest or cancel the rest. `worst`: a triggered order gets no better price than that."""
    if order.in_force is InForce.POST_ONLY and crosses(books, order, quote):
        books.put(cancelled(order, CancelReason.NONE, moment.market, reject_reason=_WOULD_TAKE))
        return
    if order.in_force is InForce.FOK and _reachable(books, order, quote) < order.leaves:
        books.put(cancelled(order, CancelReason.NONE, moment.market, reject_reason=_NOT_AT_ONCE))
        return
    left = _sweep(books, order, quote, moment, worst)
    if left is not None and left.in_force in {InForce.IOC, InForce.FOK}:
        books.put(cancelled(left, CancelReason.NONE, moment.market, reject_reason=_NOT_AT_ONCE))


def make(books: Books, order: Order, qty: Qty, moment: Moment) -> None:
    """Fill at most `qty` of a resting order, as maker, at its own price."""
    step, before = books.instruments[order.symbol].qty_step, order.filled
    wanted = min(qty, floor_to(room(books, order) * books.scarcity(order), step))
    if wanted and order.price is not None:
        order = books.fill(order, Qty(wanted), order.price, moment, maker=True)
    _settled(books, order, moment, gained=order.filled > before)


def room(books: Books, order: Order) -> Qty:
    """Return how much of `order` may be filled: one that reduces ends with its position."""
    if not order.reduces:
        return order.leaves
    position = books.position(*order.key)
    may_reduce = position.side is not None and side_of(order.action) is not position.side
    return min(order.leaves, position.size) if may_reduce else Qty(ZERO)


def crosses(books: Books, order: Order, quote: Quote) -> bool:
    """Whether a limit order would take from the book at once."""
    level = next(books.meets(order.action, quote, order.symbol), None)
    return level is not None and not _is_beyond(order, level.price)


def less_good(action: Action, price: Price, bound: Price) -> Price:
    """The worse of two prices for the one who trades."""
    return max(price, bound) if action is Action.BUY else min(price, bound)


def cancel(books: Books, order: Order, moment: Moment) -> None:
    """Take an open order from the book; a position's own stop goes with its order."""
    books.put(cancelled(order, CancelReason.USER, moment.market))
    if order.guards:
        books.put_position(unguarded(books.position(*order.key), order.stop_kind))
    books.finish(order.key, moment)


def find_open(books: Books, symbol: Symbol, order_id: str, link_id: str) -> Order:
    """Return the open order of that id (the venue's outranks the client's); raises Refused (110001)."""
    shelf = books.orders.get(symbol, {})
    if order_id:
        found = shelf.get(order_id)
    else:
        found = next((order for order in shelf.values() if order.link_id == link_id), None)
    if found is None:
        raise refusal(no.NO_ORDER)
    return found


def _sweep(books: Books, order: Order, quote: Quote, moment: Moment, worst: Price | None) -> Order | None:
    """Take level after level as far as the order's price reaches; return what is left of it, if it is open."""
    step, before = books.instruments[order.symbol].qty_step, order.filled
    wanted = floor_to(room(books, order) * books.scarcity(order), step)
    for level in books.meets(order.action, quote, order.symbol):
        if not wanted or _is_beyond(order, level.price):
            break
        qty = Qty(min(wanted, level.qty))
        order = books.fill(order, qty, _got(order, level.price, worst), moment, maker=False)
        books.eat(order.symbol, order.action, qty)
        wanted -= qty
    return _settled(books, order, moment, gained=order.filled > before)


def _got(order: Order, price: Price, worst: Price | None) -> Price:
    """What a taker pays: the level's price, or `worst` if that is less good and not beyond the order's own."""
    bound = price if worst is None else less_good(order.action, price, worst)
    return price if _is_beyond(order, bound) else bound


def _settled(books: Books, order: Order, moment: Moment, *, gained: bool) -> Order | None:
    """Hand over stops after fills, and cancel what can reduce nothing any more; return the order if it is open."""
    if books.is_open(order) and order.reduces and not room(books, order):
        books.put(cancelled(order, CancelReason.REDUCE_ONLY, moment.market))
    if gained or order.guards:  # a stop that finds nobody to trade with waits for the next tick
        keep_guards(books, order, moment)
    return books.orders.get(order.symbol, {}).get(order.order_id)


def _reachable(books: Books, order: Order, quote: Quote) -> Qty:
    """How much of a fill-or-kill order could be filled now."""
    found = ZERO
    for level in books.meets(order.action, quote, order.symbol):
        if _is_beyond(order, level.price) or found >= order.leaves:
            break
        found += level.qty
    return Qty(min(found, room(books, order)))


def _is_beyond(order: Order, price: Price) -> bool:
    if order.price is None:
        return False
    return price > order.price if order.action is Action.BUY else price < order.price
