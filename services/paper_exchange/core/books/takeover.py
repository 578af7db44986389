"""Liquidation: the exchange takes over what cannot keep its margin, at the price where that margin is gone.

Isolated, one position goes. In cross margin the account fails as a whole: all orders are cancelled, and every position
goes at the price where its share of what was left is lost. There is no auto-deleveraging:
the exchange always finds somebody to take it.
"""

from libs.common.exchange.trading_types import Action
from libs.common.units import Price, Side, Symbol, Usd, ceil_to, floor_to
from services.paper_exchange.core.books import funds
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.books.guards import keep_guards
from services.paper_exchange.core.books.order import CancelReason, Creator, InForce, Kind, Order, cancelled
from services.paper_exchange.core.books.position import TAKER_FEE, Position
from services.paper_exchange.core.margin.liquidation import is_beyond
from services.paper_exchange.core.margin.margin import bankruptcy_price, takeover_price


def take_over_beyond(books: Books, symbol: Symbol, moment: Moment) -> None:
    """Take over the symbol's isolated positions whose mark is at their liquidation price or beyond."""
    for position in books.open_positions(symbol):
        limit = funds.liquidation_price(books, position)
        if position.side is not None and is_beyond(position.side, books.mark[symbol], limit):
            _cancel_orders(books, [o for o in books.open_orders(symbol) if o.leg is position.leg], moment)
            _take_over(books, position, bankruptcy_price(funds.stake(books, position)), moment)


def take_over_all(books: Books, moment: Moment) -> None:
    """Cancel every order of a failed account, and take over every position."""
    _cancel_orders(books, books.open_orders(), moment)
    opened = books.open_positions()
    left, kept = funds.equity(books), funds.maintenance(books)
    shares = [Usd(left * funds.kept(books, p) / kept) for p in opened]
    for position, share in zip(opened, shares, strict=True):
        lost = takeover_price(funds.stake(books, position), books.mark[position.symbol], share, TAKER_FEE)
        _take_over(books, position, lost, moment)


def _cancel_orders(books: Books, orders: list[Order], moment: Moment) -> None:
    for order in orders:
        if not order.guards and books.is_open(order):
            books.put(cancelled(order, CancelReason.LIQUIDATION, moment.market))
            books.finish(order.key, moment)


def _take_over(books: Books, position: Position, at: Price, moment: Moment) -> None:
    tick = books.instruments[position.symbol].tick
    side = position.side or Side.LONG
    # to the safe side: a position never loses more than it held
    price = Price(max((ceil_to if side is Side.LONG else floor_to)(at, tick), tick))
    number, order_id = books.next_order()
    order = books.put(
        Order(
            seq=number,
            order_id=order_id,
            link_id="",
            symbol=position.symbol,
            leg=position.leg,
            action=Action.closing(side),
            kind=Kind.MARKET,
            qty=position.size,
            price=price,
            in_force=InForce.IOC,
            created_at=moment.market,
            updated_at=moment.market,
            last_on_created=books.last[position.symbol],
            reduce_only=True,
            creator=Creator.TAKE_OVER,
        )
    )
    done = books.fill(order, order.qty, price, moment, maker=False, bust=True)
    keep_guards(books, done, moment)
    books.finish(position.key, moment)
