"""Changes to orders that wait, and to the account: amend, cancel-all, leverage."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from libs.common.units import Fraction, Price, Qty, Symbol, Usd
from services.paper_exchange.core import refusals as no
from services.paper_exchange.core.books import Books
from services.paper_exchange.core.changes import Moment
from services.paper_exchange.core.checks import (
    check_price,
    check_qty,
    check_sides,
    check_trigger,
    check_value,
    listed,
    opening_value,
)
from services.paper_exchange.core.guards import set_guards
from services.paper_exchange.core.order import Order, StopKind
from services.paper_exchange.core.placing import cancel, work
from services.paper_exchange.core.position import side_of
from services.paper_exchange.core.refusals import bad, refusal


@dataclass(frozen=True, slots=True)
class Amendment:
    """New values of an open order; None leaves one as it is, a stop of zero removes it."""

    qty: Qty | None = None
    price: Price | None = None
    trigger: Price | None = None
    stop_loss: Price | None = None
    take_profit: Price | None = None


def amend(books: Books, order: Order, change: Amendment, moment: Moment) -> Order:
    """Change an open order; one that now crosses the market is filled as taker. Raises Refused."""
    if order.guards:
        return _move_guard(books, order, change, moment)
    after = replace(
        order,
        qty=change.qty or order.qty,
        price=change.price or order.price,
        trigger=change.trigger or order.trigger,
        stop_loss=_stop(change.stop_loss, order.stop_loss),
        take_profit=_stop(change.take_profit, order.take_profit),
    )
    if after == order:
        raise bad(no.UNCHANGED_ORDER)
    _check(books, order, after, moment)
    kept = books.put(replace(after, updated_at=moment.market))
    if not kept.waits:
        quote = books.quote(kept.symbol, moment)
        work(books, kept, quote, moment)
    books.finish(kept.symbol, moment)
    return kept


def _stop(wanted: Price | None, now: Price | None) -> Price | None:
    return now if wanted is None else wanted or None


def _check(books: Books, before: Order, after: Order, moment: Moment) -> None:
    instrument = listed(books, after.symbol, moment)
    quote = books.quote(after.symbol, moment)
    check_qty(after.qty, after.kind, instrument)
    if after.qty <= before.filled:
        raise bad("params error: qty not larger than the filled one")
    if after.price is not None and after.price != before.price:
        check_price(after.price, after.action, instrument, quote)
    if after.trigger is not None and after.trigger != before.trigger:
        check_trigger(after.trigger, after.direction, instrument, quote)
    base = after.price or quote.last
    check_sides(side_of(after.action), base, after.stop_loss, after.take_profit, instrument)
    if not after.reduce_only and not after.waits:
        more = _opening(books, after, quote.last) - _opening(books, before, quote.last)
        check_value(books, after.symbol, Usd(more))


def _opening(books: Books, order: Order, last: Price) -> Usd:
    return opening_value(books, order.symbol, order.action, order.leaves, order.price or last)


def _move_guard(books: Books, order: Order, change: Amendment, moment: Moment) -> Order:
    position = books.position(order.symbol)
    price = change.trigger
    if not price:
        raise bad(no.UNCHANGED_ORDER)
    is_stop = order.stop_kind is StopKind.STOP_LOSS
    set_guards(
        books,
        order.symbol,
        moment,
        stop=price if is_stop else position.stop,
        take_profit=position.take_profit if is_stop else price,
    )
    return order


def cancel_all(books: Books, orders: Sequence[Order], moment: Moment) -> Sequence[Order]:
    """Cancel those of `orders` that are still open, oldest first."""
    gone = []
    for order in orders:
        if order.order_id in books.orders.get(order.symbol, {}):
            cancel(books, order, moment)
            gone.append(order)
    return gone


def set_leverage(books: Books, symbol: Symbol, leverage: Fraction, moment: Moment) -> None:
    """Set one symbol's leverage; the margin of an open position changes with it. Raises Refused."""
    instrument = listed(books, symbol, moment)
    position = books.position(symbol)
    if leverage < 1 or leverage > instrument.max_leverage:
        raise refusal(no.LEVERAGE_RANGE)
    if leverage == position.leverage:
        raise refusal(no.LEVERAGE_SAME)
    after = replace(position, leverage=leverage, updated_at=moment.market)
    value = position.cost + books.resting_value(symbol)
    if value / leverage - value / position.leverage > books.available():
        raise refusal(no.NO_MONEY)
    books.put_position(after)
    books.finish(symbol, moment)
