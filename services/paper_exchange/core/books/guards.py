"""What closes a position by itself: stop loss, take profit and trailing stop. They wait, and die with the position.

Over all of it (cover Full) a position has at most one of each, which follow its size; over a part of it (cover
Partial) it has up to twenty stop losses and take profits with a quantity of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from libs.common.exchange.trading_types import Action, OrderStatus
from libs.common.units import Price, Qty, Side
from services.paper_exchange.core.books import refusals as no
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.books.checks import (
    check_partial,
    check_qty,
    check_sides,
    check_terms,
    check_tick,
    listed,
)
from services.paper_exchange.core.books.leg import Key
from services.paper_exchange.core.books.order import (
    PARTIALS,
    PLAIN,
    CancelReason,
    Cover,
    Creator,
    Direction,
    InForce,
    Kind,
    Order,
    StopKind,
    Terms,
    TriggerBy,
    cancelled,
)
from services.paper_exchange.core.books.position import Position, Trailing, side_of
from services.paper_exchange.core.books.refusals import bad, refusal

_CREATORS: Final[Mapping[StopKind, Creator]] = {
    StopKind.STOP_LOSS: Creator.STOP_LOSS,
    StopKind.PART_STOP_LOSS: Creator.PART_STOP_LOSS,
    StopKind.TAKE_PROFIT: Creator.TAKE_PROFIT,
    StopKind.PART_TAKE_PROFIT: Creator.PART_TAKE_PROFIT,
    StopKind.TRAILING: Creator.TRAILING,
}
_TARGETS: Final = frozenset({StopKind.TAKE_PROFIT, StopKind.PART_TAKE_PROFIT})


@dataclass(frozen=True, slots=True)
class FullGuards:
    """The guards over all of a position; None: none."""

    stop: Price | None
    take_profit: Price | None
    stop_terms: Terms
    target_terms: Terms
    trailing: Trailing | None

    @classmethod
    def of(cls, position: Position) -> "FullGuards":
        p = position
        return cls(p.stop, p.take_profit, p.stop_terms, p.target_terms, p.trailing)


@dataclass(frozen=True, slots=True)
class PartialGuards:
    """A stop loss and/or a take profit over a part of a position."""

    stop: Price | None
    take_profit: Price | None
    stop_terms: Terms
    target_terms: Terms
    qty: Qty


def set_guards(books: Books, key: Key, wanted: FullGuards, moment: Moment) -> None:
    """Give the open position these guards; raises Refused when flat, unchanged or on the wrong side."""
    instrument, position = listed(books, key[0], moment), _opened(books, key)
    side, before = position.side or Side.LONG, FullGuards.of(position)
    if before == wanted:
        raise refusal(no.STOP_SAME)
    for terms, stop, target in (
        (wanted.stop_terms, wanted.stop if wanted.stop != before.stop else None, None),
        (wanted.target_terms, None, wanted.take_profit if wanted.take_profit != before.take_profit else None),
    ):
        check_sides(side, _now(books, key, terms), stop, target, instrument)
    if wanted.trailing is not None and wanted.trailing != before.trailing:
        check_tick(wanted.trailing.distance, instrument)
        _check_activation(wanted.trailing, side, books.last[key[0]])
    books.put_position(
        replace(
            position,
            stop=wanted.stop,
            take_profit=wanted.take_profit,
            stop_terms=wanted.stop_terms if wanted.stop else PLAIN,
            target_terms=wanted.target_terms if wanted.take_profit else PLAIN,
            trailing=wanted.trailing,
            updated_at=moment.market,
        )
    )
    _follow(books, key, moment)
    books.finish(key, moment)


def add_partial(books: Books, key: Key, guards: PartialGuards, moment: Moment) -> None:
    """Add guards over a part of the open position; raises Refused when flat, too many or on the wrong side."""
    instrument, position = listed(books, key[0], moment), _opened(books, key)
    wanted = [
        (StopKind.PART_STOP_LOSS, guards.stop, guards.stop_terms),
        (StopKind.PART_TAKE_PROFIT, guards.take_profit, guards.target_terms),
    ]
    given = [(kind, price, terms) for kind, price, terms in wanted if price is not None]
    if not given:
        raise refusal(no.STOP_SAME)
    side = position.side or Side.LONG
    check_qty(guards.qty, Kind.LIMIT, instrument)
    if guards.qty > position.size:
        raise bad("params error: tpSize or slSize larger than the position")
    check_sides(side, _now(books, key, guards.stop_terms), guards.stop, None, instrument)
    check_sides(side, _now(books, key, guards.target_terms), None, guards.take_profit, instrument)
    check_terms(guards.stop_terms, guards.target_terms, instrument)
    check_partial(books, key[0], len(given))
    for kind, price, terms in given:
        books.put(_guard(books, position, kind, price, guards.qty, terms, moment))
    books.finish(key, moment)


def keep_guards(books: Books, order: Order, moment: Moment) -> None:
    """After fills of `order` (as it is after them): hand over its stops, and clear what a flat position leaves."""
    position = books.position(*order.key)
    if position.side is side_of(order.action) and not order.guards:
        if order.cover is Cover.FULL:
            _hand_over(books, position, order)
        else:
            _hand_over_partial(books, position, order, moment)
    _follow(books, order.key, moment)
    if position.side is None:
        for left in books.open_orders(order.symbol):
            # a closing order that waits for its trigger may wait for the next position
            closes = left.reduce_only or (left.reduces and not left.waits)
            if closes and not left.guards and left.leg is order.leg:
                books.put(cancelled(left, CancelReason.REDUCE_ONLY, moment.market))


def trail(books: Books, key: Key, last: Price, moment: Moment) -> None:
    """Let a trailing stop wake up, or follow a better price."""
    position = books.position(*key)
    trailing, side = position.trailing, position.side
    if trailing is None or side is None:
        return
    if trailing.best is None:
        woken = trailing.activation is None or side.sign * (last - trailing.activation) >= 0
        better = woken
    else:
        better = side.sign * (last - trailing.best) > 0
    if better:
        books.put_position(replace(position, trailing=replace(trailing, best=last)))
        _follow(books, key, moment)
        books.finish(key, moment)


def unguarded(position: Position, kind: StopKind) -> Position:
    """Return `position` without its guard of that kind."""
    match kind:
        case StopKind.STOP_LOSS:
            return replace(position, stop=None, stop_terms=PLAIN)
        case StopKind.TAKE_PROFIT:
            return replace(position, take_profit=None, target_terms=PLAIN)
        case StopKind.TRAILING:
            return replace(position, trailing=None)
        case _:
            return position


def _opened(books: Books, key: Key) -> Position:
    position = books.position(*key)
    if position.side is None:
        raise bad(no.FLAT_STOP)
    return position


def _now(books: Books, key: Key, terms: Terms) -> Price:
    return books.last[key[0]] if terms.by is TriggerBy.LAST else books.mark[key[0]]


def _check_activation(trailing: Trailing, side: Side, last: Price) -> None:
    if trailing.best is None and trailing.activation and side.sign * (trailing.activation - last) <= 0:
        raise bad(f"params error: activePrice {trailing.activation:f} must lie beyond the last price {last:f}")
    if side is Side.LONG and trailing.distance >= (trailing.activation or last):
        raise bad(f"params error: trailingStop {trailing.distance:f} is more than the price")


def _hand_over(books: Books, position: Position, order: Order) -> None:
    given = replace(
        position,
        stop=order.stop_loss or position.stop,
        stop_terms=order.stop_terms if order.stop_loss else position.stop_terms,
        take_profit=order.take_profit or position.take_profit,
        target_terms=order.target_terms if order.take_profit else position.target_terms,
    )
    if given != position:
        books.put_position(given)


def _hand_over_partial(books: Books, position: Position, order: Order, moment: Moment) -> None:
    for kind, price, terms in (
        (StopKind.PART_STOP_LOSS, order.stop_loss, order.stop_terms),
        (StopKind.PART_TAKE_PROFIT, order.take_profit, order.target_terms),
    ):
        if price is None:
            continue
        same = (o for o in books.guards(order.key) if o.parent == order.order_id and o.stop_kind is kind)
        guard = next(same, None)
        if guard is None:
            made = _guard(books, position, kind, price, order.filled, terms, moment)
            books.put(replace(made, parent=order.order_id))
        elif guard.waits and guard.qty != order.filled:
            books.put(replace(guard, qty=order.filled, updated_at=moment.market))


def _follow(books: Books, key: Key, moment: Moment) -> None:
    """Make the waiting guards what the position says."""
    position = books.position(*key)
    for guard in books.guards(key):
        if guard.waits and guard.action is not _closing(position):
            books.put(cancelled(guard, CancelReason.FLAT, moment.market))
    level = position.trailing.level(position.side) if position.trailing and position.side else None
    for kind, price, terms in (
        (StopKind.STOP_LOSS, position.stop, position.stop_terms),
        (StopKind.TAKE_PROFIT, position.take_profit, position.target_terms),
        (StopKind.TRAILING, level, PLAIN),
    ):
        guard_now = books.guard(key, kind)
        if price is None:
            if guard_now is not None:
                books.put(cancelled(guard_now, CancelReason.FLAT, moment.market))
        elif guard_now is None:
            books.put(_guard(books, position, kind, price, position.size, terms, moment))
        elif (guard_now.trigger, guard_now.qty, guard_now.trigger_by) != (price, position.size, terms.by):
            moved = replace(guard_now, trigger=price, qty=position.size, trigger_by=terms.by)
            books.put(replace(moved, updated_at=moment.market))


def _closing(position: Position) -> Action | None:
    return None if position.side is None else Action.closing(position.side)


def _guard(
    books: Books, position: Position, kind: StopKind, price: Price, qty: Qty, terms: Terms, moment: Moment
) -> Order:
    number, order_id = books.next_order()
    side = position.side or Side.LONG
    falls = (side is Side.LONG) is (kind not in _TARGETS)
    return Order(
        seq=number,
        order_id=order_id,
        link_id="",
        symbol=position.symbol,
        leg=position.leg,
        action=Action.closing(side),
        kind=Kind.MARKET if terms.limit is None else Kind.LIMIT,
        qty=qty,
        price=terms.limit,
        in_force=InForce.IOC if terms.limit is None else InForce.GTC,
        created_at=moment.market,
        updated_at=moment.market,
        last_on_created=books.last[position.symbol],
        status=OrderStatus.UNTRIGGERED,
        reduce_only=True,
        close_on_trigger=True,
        trigger=price,
        trigger_by=terms.by,
        direction=Direction.FALL if falls else Direction.RISE,
        cover=Cover.PARTIAL if kind in PARTIALS else Cover.FULL,
        stop_kind=kind,
        creator=_CREATORS[kind],
    )
