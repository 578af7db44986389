"""What can go wrong with the venue's books themselves: a stop that is gone, an answer of yesterday."""

from dataclasses import replace

from libs.common.units import Symbol
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.books.figures import Figures
from services.paper_exchange.core.books.order import STOPS
from services.paper_exchange.core.books.placing import cancel
from services.paper_exchange.core.books.shelves import Shelves


def lose_stops(books: Books, symbol: Symbol | None, moment: Moment) -> int:
    """Let the stops of open positions (of one symbol, or of all) vanish; returns how many did."""
    stops = [order for order in books.open_orders(symbol) if order.stop_kind in STOPS and order.waits]
    for stop in stops:
        cancel(books, stop, moment)
    return len(stops)


def frozen(books: Books) -> Books:
    """Return the books as they are now, which nothing changes any more."""
    kept = replace(books, positions=dict(books.positions), orders=Shelves(books.open_orders()), journal=[], calm={})
    kept.last, kept.mark, kept._opened = dict(books.last), dict(books.mark), set(books._opened)
    kept.figures = Figures({*kept.positions, *(order.key for order in kept.open_orders())})
    return kept
