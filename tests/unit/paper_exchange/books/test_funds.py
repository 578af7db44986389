from decimal import Decimal as D

import pytest

from services.paper_exchange.core.books import funds
from services.paper_exchange.core.books.position import Position
from tests.support.scripted_market import BTC, ETH
from tests.support.trading_floor import BTC_ONLY, Floor


def cross(balance: str = "1000") -> Floor:
    floor = Floor(balance=balance)
    floor.asks("account/set-margin-mode", setMarginMode="REGULAR_MARGIN")
    return floor


def test_an_isolated_loss_frees_no_margin_and_an_isolated_profit_buys_nothing() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="80")
    before = (funds.held(floor.books, floor.position), funds.available(floor.books))
    for price in ("95", "120"):
        floor.moves(price)
        assert (funds.held(floor.books, floor.position), funds.available(floor.books)) == before


def test_in_cross_margin_profit_can_be_spent_and_margin_follows_the_mark() -> None:
    floor = cross()
    floor.buys("1")
    before = funds.available(floor.books)
    floor.moves("120")
    more = funds.held(floor.books, floor.position)
    assert funds.available(floor.books) > before
    assert more == D(12) + D("100.1") * D("0.9") * D("0.00055")


@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_equity_is_the_wallet_and_what_is_not_realised(mode: str) -> None:
    floor = cross() if mode == "cross" else Floor()
    floor.buys("2")
    floor.sells("10", symbol=ETH)
    floor.moves("103")
    gained = sum((p.signed * floor.books.mark[p.symbol] for p in floor.books.open_positions()), D(0))
    cost = sum((p.signed * p.entry for p in floor.books.open_positions()), D(0))
    assert funds.equity(floor.books) == floor.books.totals.balance + gained - cost


def test_buys_and_sells_that_rest_hold_the_margin_of_the_dearer_side() -> None:
    floor = Floor()
    floor.buys("1", orderType="Limit", price="95")
    one = funds.order_margin(floor.books)
    floor.sells("1", orderType="Limit", price="105")
    both = funds.order_margin(floor.books)
    assert one < both < 2 * one
    assert len(floor.books.orders.queue(BTC_ONLY)) == 2


def test_at_its_liquidation_price_a_cross_account_has_only_what_it_must_keep() -> None:
    floor = cross("50")
    floor.buys("3")
    floor.sells("5", symbol=ETH)
    limit = funds.liquidation_price(floor.books, floor.position)
    assert limit is not None
    floor.books.mark[BTC] = limit
    assert abs(funds.equity(floor.books) - funds.maintenance(floor.books)) < D("1e-20")


def test_a_flat_position_holds_keeps_and_risks_nothing() -> None:
    books, flat = Floor().books, Position(BTC)
    assert not any((funds.held(books, flat), funds.kept(books, flat), funds.profit(books, flat)))
    assert funds.liquidation_price(books, flat) is None


def test_margin_rates_are_parts_of_equity_and_mean_nothing_without_any() -> None:
    floor = cross("20")
    floor.buys("1")
    rates = funds.margin_rates(floor.books)
    assert rates is not None
    assert D(0) < rates[1] < rates[0] < 1
    floor.books.mark[BTC] = D(1)  # type: ignore[assignment]
    assert funds.margin_rates(floor.books) is None
