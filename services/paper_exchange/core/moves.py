"""What a tick of the market's path does to the books: triggers, fills of resting orders, liquidation.

1. Everything is judged at every tick, in the path's order: nothing is filled at a price the path did not reach.
2. A triggered order gets the tick that crossed it, less the spread, and never better than its trigger.
"""

from dataclasses import replace

from libs.common.errors import Refused
from libs.common.exchange.trading_types import Action
from libs.common.units import Price, Side, ceil_to, floor_to
from services.paper_exchange.core.books import Books
from services.paper_exchange.core.changes import Moment
from services.paper_exchange.core.checks import check_margin
from services.paper_exchange.core.guards import keep_guards
from services.paper_exchange.core.market import Settlement, Tick
from services.paper_exchange.core.order import (
    CancelReason,
    Creator,
    Direction,
    InForce,
    Kind,
    Order,
    OrderEvent,
    StopKind,
    cancelled,
    moved,
)
from services.paper_exchange.core.placing import take, work
from services.paper_exchange.core.position import bankruptcy_price, liquidation_price


def on_tick(books: Books, tick: Tick, moment: Moment) -> None:
    """Let the market be at `tick` and do what follows from it."""
    books.last[tick.symbol], books.mark[tick.symbol] = tick.price, tick.mark
    if books.orders.get(tick.symbol):
        _trigger(books, tick, moment)
        _match(books, tick, moment)
        _trigger(books, tick, moment)  # a stop that came with a fill may be passed already
    if books.position(tick.symbol).side is not None:
        _liquidate(books, tick, moment)


def on_settlement(books: Books, settlement: Settlement, moment: Moment) -> None:
    if settlement.symbol in books.last:
        books.fund(settlement.symbol, settlement.rate, moment)


def is_triggered(order: Order, price: Price) -> bool:
    """Whether a waiting conditional order wakes at `price`; touching is enough."""
    if order.trigger is None:
        return False
    return price <= order.trigger if order.direction is Direction.FALL else price >= order.trigger


def is_reached(order: Order, price: Price) -> bool:
    """Whether the path trades at or through a resting limit order."""
    if order.price is None or order.kind is Kind.MARKET:
        return False
    return price <= order.price if order.action is Action.BUY else price >= order.price


def _trigger(books: Books, tick: Tick, moment: Moment) -> None:
    """Wake conditional orders, those that the price met first before the others."""
    woken = [o for o in books.open_orders(tick.symbol) if o.waits and is_triggered(o, tick.price)]
    for order in sorted(woken, key=lambda o: (abs((o.trigger or 0) - tick.price), -o.seq), reverse=True):
        if order.order_id not in books.orders[tick.symbol]:
            continue  # the position that it guarded went flat meanwhile
        triggered = books.put(moved(order, OrderEvent.TRIGGER, moment.market))
        creator = Creator.STOP_ORDER if order.stop_kind is StopKind.STOP else order.creator
        live = books.put(replace(moved(triggered, OrderEvent.WORK, moment.market), creator=creator))
        _release(books, live, moment)
        books.finish(tick.symbol, moment)


def _release(books: Books, order: Order, moment: Moment) -> None:
    quote = books.quote(order.symbol, moment)
    try:
        if not order.reduce_only:
            check_margin(books, order.symbol, order.action, order.leaves, quote.touch(order.action))
    except Refused:
        books.put(cancelled(order, CancelReason.NO_MARGIN, moment.market, reject_reason="EC_NoEnoughMargin"))
    else:
        work(books, order, quote, moment, worst=order.trigger)


def _match(books: Books, tick: Tick, moment: Moment) -> None:
    """Fill resting limit orders at their own price, best price first."""
    reached = [o for o in books.open_orders(tick.symbol) if not o.waits and is_reached(o, tick.price)]
    for order in sorted(reached, key=lambda o: (abs((o.price or 0) - tick.price), -o.seq), reverse=True):
        if order.order_id in books.orders[tick.symbol]:
            take(books, order, order.price or tick.price, moment, maker=True)
            books.finish(tick.symbol, moment)


def _liquidate(books: Books, tick: Tick, moment: Moment) -> None:
    """Take a position over at its bankruptcy price when its margin is nearly gone."""
    position = books.position(tick.symbol)
    instrument = books.instruments[tick.symbol]
    limit = liquidation_price(position, instrument)
    if position.side is None or limit is None:
        return
    if (tick.mark > limit) if position.side is Side.LONG else (tick.mark < limit):
        return
    for order in books.open_orders(tick.symbol):
        if not order.guards:
            books.put(cancelled(order, CancelReason.LIQUIDATION, moment.market))
    rounded = floor_to if position.side is Side.LONG else ceil_to
    price = Price(max(rounded(bankruptcy_price(position), instrument.tick), instrument.tick))
    number, order_id = books.next_order()
    order = books.put(
        Order(
            seq=number,
            order_id=order_id,
            link_id="",
            symbol=tick.symbol,
            action=Action.closing(position.side),
            kind=Kind.MARKET,
            qty=position.size,
            price=price,
            in_force=InForce.IOC,
            created_at=moment.market,
            updated_at=moment.market,
            last_on_created=tick.price,
            reduce_only=True,
            creator=Creator.TAKE_OVER,
        )
    )
    books.fill(order, order.qty, price, moment, maker=False, bust=True)
    keep_guards(books, order, moment)
    books.finish(tick.symbol, moment)
