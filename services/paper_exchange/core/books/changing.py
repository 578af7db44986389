"""Changes to orders that wait: amend, cancel-all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from libs.common.units import Price, Qty
from services.paper_exchange.core.books import refusals as no
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.books.checks import (
    check_margin,
    check_price,
    check_qty,
    check_sides,
    check_tick,
    check_trigger,
    listed,
)
from services.paper_exchange.core.books.guards import FullGuards, set_guards
from services.paper_exchange.core.books.order import PARTIALS, Kind, Order, StopKind, Terms, TriggerBy
from services.paper_exchange.core.books.placing import cancel, work
from services.paper_exchange.core.books.position import side_of
from services.paper_exchange.core.books.refusals import bad, refusal
from services.paper_exchange.core.margin.order_margin import Resting


@dataclass(frozen=True, slots=True)
class Amendment:
    """New values of an open order; None leaves one as it is, a stop of zero removes it."""

    qty: Qty | None = None
    price: Price | None = None
    trigger: Price | None = None
    stop_loss: Price | None = None
    take_profit: Price | None = None
    trigger_by: TriggerBy | None = None
    stop_by: TriggerBy | None = None
    target_by: TriggerBy | None = None


def amend(books: Books, order: Order, change: Amendment, moment: Moment) -> Order:
    """Change an open order; one that now crosses the market is filled as taker. Raises Refused."""
    if order.guards:
        return _move_guard(books, order, change, moment)
    after = replace(
        order,
        qty=order.qty if change.qty is None else change.qty,
        price=change.price or order.price,
        trigger=change.trigger or order.trigger,
        stop_loss=_stop(change.stop_loss, order.stop_loss),
        take_profit=_stop(change.take_profit, order.take_profit),
        trigger_by=change.trigger_by or order.trigger_by,
        stop_terms=_terms(order.stop_terms, change.stop_by),
        target_terms=_terms(order.target_terms, change.target_by),
    )
    if after == order:
        raise bad(no.UNCHANGED_ORDER)
    if after.trigger != order.trigger and not order.waits:
        raise bad("params error: triggerPrice can be changed only while the order waits for it")
    _check(books, order, after, moment)
    kept = books.put(replace(after, updated_at=moment.market))
    if not kept.waits:
        quote = books.quote(kept.symbol, moment)
        work(books, kept, quote, moment)
    books.finish(kept.key, moment)
    return kept


def _terms(terms: Terms, by: TriggerBy | None) -> Terms:
    return terms if by is None else replace(terms, by=by)


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
        check_trigger(after.trigger, after.direction, after.trigger_by, instrument, quote)
    base = (after.price if after.kind is Kind.LIMIT else after.trigger) or quote.last
    if not after.reduces and after.qty * base < instrument.min_notional:
        raise refusal(no.TOO_SMALL)
    check_sides(side_of(after.action), base, after.stop_loss, after.take_profit, instrument)
    if not after.reduces and not after.waits:
        left = Qty(after.qty - before.filled)
        wanted = Resting(side_of(after.action), left, after.price or quote.last)
        check_margin(books, after.key, wanted, but=before.order_id)


def _move_guard(books: Books, order: Order, change: Amendment, moment: Moment) -> Order:
    if order.stop_kind is StopKind.TRAILING:
        raise bad("params error: a trailing stop is changed by position/trading-stop")
    price = change.trigger or order.trigger
    if order.stop_kind in PARTIALS:
        return _move_partial(books, order, price, change, moment)
    position = books.position(*order.key)
    before = FullGuards.of(position)
    if order.stop_kind is StopKind.STOP_LOSS:
        moved = replace(before, stop=price, stop_terms=_terms(before.stop_terms, change.trigger_by))
    else:
        moved = replace(before, take_profit=price, target_terms=_terms(before.target_terms, change.trigger_by))
    if moved == before:
        raise bad(no.UNCHANGED_ORDER)
    set_guards(books, order.key, moved, moment)
    return order


def _move_partial(books: Books, order: Order, price: Price | None, change: Amendment, moment: Moment) -> Order:
    instrument, quote = listed(books, order.symbol, moment), books.quote(order.symbol, moment)
    after = replace(
        order,
        qty=change.qty or order.qty,
        price=change.price or order.price,
        trigger=price,
        trigger_by=change.trigger_by or order.trigger_by,
    )
    if after == order:
        raise bad(no.UNCHANGED_ORDER)
    check_qty(after.qty, after.kind, instrument)
    if after.trigger is not None:
        check_trigger(after.trigger, after.direction, after.trigger_by, instrument, quote)
    if after.kind is Kind.LIMIT and after.price is not None:
        check_tick(after.price, instrument)
    kept = books.put(replace(after, updated_at=moment.market))
    books.finish(order.key, moment)
    return kept


def cancel_all(books: Books, orders: Sequence[Order], moment: Moment) -> Sequence[Order]:
    """Cancel those of `orders` that are still open, oldest first."""
    gone = []
    for order in orders:
        if order.order_id in books.orders.get(order.symbol, {}):
            cancel(books, order, moment)
            gone.append(order)
    return gone
