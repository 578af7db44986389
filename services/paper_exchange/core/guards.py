"""The stop loss and the take profit of a position: orders that wait, follow its size and die with it."""

from dataclasses import replace

from libs.common.exchange.trading_types import Action, OrderStatus
from libs.common.units import Price, Side, Symbol
from services.paper_exchange.core import refusals as no
from services.paper_exchange.core.books import Books
from services.paper_exchange.core.changes import Moment
from services.paper_exchange.core.checks import check_sides, listed
from services.paper_exchange.core.order import (
    CancelReason,
    Creator,
    Direction,
    InForce,
    Kind,
    Order,
    StopKind,
    cancelled,
)
from services.paper_exchange.core.position import Position, side_of
from services.paper_exchange.core.refusals import bad, refusal

_CREATORS = {StopKind.STOP_LOSS: Creator.STOP_LOSS, StopKind.TAKE_PROFIT: Creator.TAKE_PROFIT}


def set_guards(books: Books, symbol: Symbol, moment: Moment, *, stop: Price | None, take_profit: Price | None) -> None:
    """Give the open position these prices (None: none); raises Refused when flat, unchanged or on the wrong side."""
    instrument = listed(books, symbol, moment)
    position = books.position(symbol)
    if position.side is None:
        raise bad(no.FLAT_STOP)
    if (position.stop, position.take_profit) == (stop, take_profit):
        raise refusal(no.STOP_SAME)
    check_sides(
        position.side,
        books.last[symbol],
        stop if stop != position.stop else None,
        take_profit if take_profit != position.take_profit else None,
        instrument,
    )
    books.put_position(replace(position, stop=stop, take_profit=take_profit, updated_at=moment.market))
    _follow(books, symbol, moment)
    books.finish(symbol, moment)


def keep_guards(books: Books, order: Order, moment: Moment) -> None:
    """After a fill of `order`: hand its stops to the position it opened, and clear what a flat one leaves behind."""
    position = books.position(order.symbol)
    if position.side is side_of(order.action) and not order.guards:
        stop, target = order.stop_loss or position.stop, order.take_profit or position.take_profit
        if (stop, target) != (position.stop, position.take_profit):
            books.put_position(replace(position, stop=stop, take_profit=target))
    _follow(books, order.symbol, moment)
    if position.side is None:
        for left in books.open_orders(order.symbol):
            if left.reduce_only and not left.guards:
                books.put(cancelled(left, CancelReason.REDUCE_ONLY, moment.market))


def unguarded(position: Position, kind: StopKind) -> Position:
    """Return `position` without its stop loss, or without its take profit."""
    return replace(position, stop=None) if kind is StopKind.STOP_LOSS else replace(position, take_profit=None)


def _follow(books: Books, symbol: Symbol, moment: Moment) -> None:
    position = books.position(symbol)
    for kind, price in ((StopKind.STOP_LOSS, position.stop), (StopKind.TAKE_PROFIT, position.take_profit)):
        guard = books.guard(symbol, kind)
        if guard is not None and (price is None or guard.action is not _closing(position)):
            books.put(cancelled(guard, CancelReason.FLAT, moment.market))
            guard = None
        if price is None:
            continue
        if guard is None:
            books.put(_guard(books, position, kind, price, moment))
        elif (guard.trigger, guard.qty) != (price, position.size):
            books.put(replace(guard, trigger=price, qty=position.size, updated_at=moment.market))


def _closing(position: Position) -> Action | None:
    return None if position.side is None else Action.closing(position.side)


def _guard(books: Books, position: Position, kind: StopKind, price: Price, moment: Moment) -> Order:
    number, order_id = books.next_order()
    side = position.side or Side.LONG
    falls = (side is Side.LONG) is (kind is StopKind.STOP_LOSS)
    return Order(
        seq=number,
        order_id=order_id,
        link_id="",
        symbol=position.symbol,
        action=Action.closing(side),
        kind=Kind.MARKET,
        qty=position.size,
        price=None,
        in_force=InForce.IOC,
        created_at=moment.market,
        updated_at=moment.market,
        last_on_created=books.last[position.symbol],
        status=OrderStatus.UNTRIGGERED,
        reduce_only=True,
        close_on_trigger=True,
        trigger=price,
        direction=Direction.FALL if falls else Direction.RISE,
        stop_kind=kind,
        creator=_CREATORS[kind],
    )
