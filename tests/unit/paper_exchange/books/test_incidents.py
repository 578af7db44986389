from decimal import Decimal as D

from services.paper_exchange.core.books.changes import NakedChanged
from services.paper_exchange.core.books.incidents import frozen, lose_stops
from services.paper_exchange.core.books.order import StopKind
from tests.support.scripted_market import BTC
from tests.support.trading_floor import BTC_ONLY, Floor


def test_a_lost_stop_leaves_the_position_naked_and_its_take_profit_in_place() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="90", takeProfit="150")
    floor.books.take_journal()
    assert lose_stops(floor.books, BTC, floor.now) == 1
    assert floor.position.stop is None
    assert floor.books.guard(BTC_ONLY, StopKind.STOP_LOSS) is None
    assert floor.books.guard(BTC_ONLY, StopKind.TAKE_PROFIT) is not None
    assert [c.naked.until for c in floor.books.take_journal() if isinstance(c, NakedChanged)] == [None]


def test_where_there_is_no_stop_none_is_lost() -> None:
    floor = Floor()
    floor.buys("1")
    assert lose_stops(floor.books, None, floor.now) == 0


def test_frozen_books_stay_as_they_are() -> None:
    floor = Floor()
    floor.buys("1")
    kept = frozen(floor.books)
    floor.buys("1")
    floor.moves("120")
    assert (kept.position(BTC).size, floor.position.size) == (D(1), D(2))
    assert kept.last[BTC] != floor.books.last[BTC]
    assert kept.journal == []
    assert kept.calm is not floor.books.calm


def test_partial_stops_are_lost_too() -> None:
    floor = Floor()
    floor.buys("1")
    floor.asks("position/trading-stop", tpslMode="Partial", stopLoss="90", slSize="0.5")
    assert lose_stops(floor.books, BTC, floor.now) == 1
    assert not floor.books.open_orders()
