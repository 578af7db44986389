"""What a tick of the market's path does to the books: triggers, fills of resting orders, trailing stops, liquidation.

1. Everything is judged at every tick, in the path's order: nothing is filled at a price the path did not reach.
2. A triggered order gets what the ladder has at the tick that crossed it, and never better than its trigger.
3. A resting order is filled whole when the path goes through its price, and from the tick's volume when it is only
   touched.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from libs.common.errors import Refused
from libs.common.exchange.trading_types import Action
from libs.common.units import ZERO, Price, Qty, Side, Symbol
from services.paper_exchange.core.books import funds
from services.paper_exchange.core.books.books import Books, Calm
from services.paper_exchange.core.books.changes import MarginMode, Moment
from services.paper_exchange.core.books.checks import check_margin
from services.paper_exchange.core.books.figures import HIGHEST, LOWEST
from services.paper_exchange.core.books.guards import trail
from services.paper_exchange.core.books.order import (
    CancelReason,
    Creator,
    Direction,
    Kind,
    Order,
    OrderEvent,
    StopKind,
    TriggerBy,
    cancelled,
    moved,
)
from services.paper_exchange.core.books.placing import make, protection, work
from services.paper_exchange.core.books.position import Position, side_of
from services.paper_exchange.core.books.slack import fails
from services.paper_exchange.core.books.takeover import take_over_all, take_over_beyond
from services.paper_exchange.core.margin.order_margin import Resting
from services.paper_exchange.core.market.depth import Quote
from services.paper_exchange.core.market.market import Settlement, Tick

_Borders = tuple[list[Price], list[Price], list[Price], list[Price]]  # below and above: last price, then mark


def on_tick(books: Books, tick: Tick, moment: Moment) -> None:
    """Let the market be at `tick` and do what follows from it."""
    symbol, calm = tick.symbol, books.calm.get(tick.symbol)
    books.tick(symbol, tick.price, tick.mark)
    cross = books.account.margin_mode is MarginMode.CROSS
    if calm is not None and calm.holds(tick.price, tick.mark) and not (cross and fails(books, symbol)):
        return
    for leg in books.legs(symbol):
        trail(books, (symbol, leg), tick.price, moment)
    if books.orders.of(symbol):
        _trigger(books, tick, moment)
        _match(books, tick, moment)
        _trigger(books, tick, moment)  # a stop that came with a fill may be passed already
    if not cross:
        take_over_beyond(books, symbol, moment)
    elif fails(books, symbol):
        take_over_all(books, moment)
    books.calm[symbol] = calm_of(books, symbol)


def on_settlement(books: Books, settlement: Settlement, moment: Moment) -> None:
    if settlement.symbol in books.last:
        books.fund(settlement.symbol, settlement.rate, moment)


def is_triggered(order: Order, last: Price, mark: Price) -> bool:
    """Whether a waiting conditional order wakes; touching is enough."""
    if order.trigger is None:
        return False
    price = last if order.trigger_by is TriggerBy.LAST else mark
    return price <= order.trigger if order.direction is Direction.FALL else price >= order.trigger


def is_reached(order: Order, price: Price) -> bool:
    """Whether the path trades at or through a resting limit order."""
    if order.price is None or order.kind is Kind.MARKET:
        return False
    return price <= order.price if order.action is Action.BUY else price >= order.price


def calm_of(books: Books, symbol: Symbol) -> Calm:
    """Return the prices between which a tick does nothing: up to the nearest trigger, limit or liquidation.

    When an account in cross margin fails hangs on the other symbols too: see slack.
    """
    borders: _Borders = ([LOWEST], [HIGHEST], [LOWEST], [HIGHEST])
    for order in books.orders.of(symbol).values():
        _add(borders, *_reach(order))
    for position in books.open_positions(symbol):
        _add(borders, *_trailing_reach(position))
        if books.account.margin_mode is MarginMode.ISOLATED:
            limit = funds.liquidation_price(books, position)
            _add(borders, limit, falls=position.side is Side.LONG, by_mark=True)
    low, high, mark_low, mark_high = borders
    return Calm(max(low), min(high), max(mark_low), min(mark_high))


def _add(borders: _Borders, price: Price | None, falls: bool, by_mark: bool) -> None:
    if price is not None:
        borders[2 * by_mark + (not falls)].append(price)


def _reach(order: Order) -> tuple[Price | None, bool, bool]:
    """The price that an order waits for, whether it comes by falling, and whether it is the mark's."""
    if order.waits:
        return order.trigger, order.direction is Direction.FALL, order.trigger_by is not TriggerBy.LAST
    return order.price, order.action is Action.BUY, False


def _trailing_reach(position: Position) -> tuple[Price | None, bool, bool]:
    """The price at which a trailing stop wakes or follows: always on the side of profit."""
    trailing = position.trailing
    price = None if trailing is None else trailing.activation if trailing.best is None else trailing.best
    return price, position.side is Side.SHORT, False


def _trigger(books: Books, tick: Tick, moment: Moment) -> None:
    """Wake conditional orders, those that the price met first before the others."""
    waiting = books.orders.of(tick.symbol).values()
    woken = [o for o in waiting if o.waits and is_triggered(o, tick.price, tick.mark)]
    for order in _in_order_of_the_path(woken, tick):
        if not books.is_open(order):
            continue  # the position that it guarded went flat meanwhile
        _release(books, order, moment)
        books.finish(order.key, moment)


def _in_order_of_the_path(orders: Iterable[Order], tick: Tick) -> list[Order]:
    def distance(order: Order) -> tuple[Decimal, int]:
        now = tick.price if order.trigger_by is TriggerBy.LAST else tick.mark
        return abs((order.trigger or ZERO) - now), -order.seq

    return sorted(orders, key=distance, reverse=True)


def _release(books: Books, order: Order, moment: Moment) -> None:
    """Put a triggered order to work; one that the account cannot carry now is cancelled instead."""
    quote = books.quote(order.symbol, moment)
    carried = order.reduces or _is_carried(books, order, quote)
    live = moved(books.put(moved(order, OrderEvent.TRIGGER, moment.market)), OrderEvent.WORK, moment.market)
    if order.stop_kind is StopKind.STOP:
        live = replace(live, creator=Creator.STOP_ORDER)
    if order.kind is Kind.MARKET:
        worst = protection(order.action, quote, books.instruments[order.symbol], order.tolerance)
        live = replace(live, price=worst)
    books.put(live)
    if carried:
        by_last = order.trigger_by is TriggerBy.LAST
        work(books, live, quote, moment, worst=order.trigger if by_last else None)
    else:
        books.put(cancelled(live, CancelReason.NONE, moment.market, reject_reason="EC_NoEnoughMargin"))


def _is_carried(books: Books, order: Order, quote: Quote) -> bool:
    try:
        check_margin(books, order.key, Resting(side_of(order.action), order.leaves, quote.touch(order.action)))
    except Refused:
        return False
    return True


def _match(books: Books, tick: Tick, moment: Moment) -> None:
    """Fill resting limit orders at their own price, best price first."""
    resting = books.orders.of(tick.symbol).values()
    reached = [o for o in resting if not o.waits and is_reached(o, tick.price)]
    traded = tick.volume
    for order in sorted(reached, key=lambda o: (abs((o.price or ZERO) - tick.price), -o.seq), reverse=True):
        before = books.orders.of(tick.symbol).get(order.order_id)
        if before is None:
            continue
        touched = order.price == tick.price
        make(books, order, traded if touched else order.leaves, moment)
        if touched:
            traded = Qty(traded - (before.leaves - _leaves(books, order)))
        books.finish(order.key, moment)


def _leaves(books: Books, order: Order) -> Qty:
    left = books.orders.of(order.symbol).get(order.order_id)
    return Qty(ZERO) if left is None else left.leaves
