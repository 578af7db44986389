from decimal import Decimal as D

from services.paper_exchange.core.books import funds
from services.paper_exchange.core.books.figures import Figures
from tests.support.trading_floor import BTC_ONLY, Floor


def test_what_is_kept_is_reckoned_again_when_the_leg_changes_and_only_then() -> None:
    floor = Floor()
    floor.buys("1", orderType="Limit", price="95")
    before = funds.order_margin(floor.books)
    assert floor.books.figures.tied == {BTC_ONLY: before}
    assert not floor.books.figures.changed
    floor.moves("99")
    assert not floor.books.figures.changed
    floor.asks("order/cancel-all")
    assert funds.order_margin(floor.books) == D(0)


def test_nothing_is_known_of_new_books() -> None:
    assert Figures() == Figures(set(), {}, {}, {})
