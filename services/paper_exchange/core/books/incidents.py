"""What can go wrong with the venue's books themselves: a stop that is gone, an answer of yesterday."""

from dataclasses import replace

from libs.common.units import Symbol
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.books.order import STOPS
from services.paper_exchange.core.books.placing import cancel


def lose_stops(books: Books, symbol: Symbol | None, moment: Moment) -> int:
    """Let the stops of open positions (of one symbol, or of all) vanish; returns how many did."""
    stops = [order for order in books.open_orders(symbol) if order.stop_kind in STOPS and order.waits]
    for stop in stops:
        cancel(books, stop, moment)
    return len(stops)


def frozen(books: Books) -> Books:
    """Return the books as they are now, which nothing changes any more."""
    orders = {symbol: dict(shelf) for symbol, shelf in books.orders.items()}
    kept = replace(books, positions=dict(books.positions), orders=orders, journal=[], calm={})
    kept.last, kept.mark = dict(books.last), dict(books.mark)
    return kept
