from dataclasses import replace
from decimal import Decimal as D

import pytest

from libs.common.units import Price
from services.paper_exchange.core.books import funds
from services.paper_exchange.core.books.figures import HIGHEST, LOWEST
from services.paper_exchange.core.books.slack import SHARED, fails, share_out
from tests.support.scripted_market import BTC, ETH
from tests.support.trading_floor import Floor


def cross() -> Floor:
    """Long a BTC, short ten ETH: the same value."""
    floor = Floor(balance="50")
    floor.asks("account/set-margin-mode", setMarginMode="REGULAR_MARGIN")
    floor.buys("1")
    floor.sells("10", symbol=ETH)
    return floor


def test_slack_is_what_the_account_has_beyond_what_it_must_keep() -> None:
    books = cross().books
    slack = share_out(books)
    assert slack.spare == funds.equity(books) - funds.maintenance(books)
    assert (slack.worth, slack.marks) == (D(200), {BTC: D(100), ETH: D(10)})


def test_at_its_border_a_symbol_has_lost_its_share() -> None:
    books = cross().books
    assert not fails(books, BTC)
    slack = books.figures.slack
    assert slack is not None
    low, high = slack.borders[BTC]
    assert (low < 100, high) == (True, HIGHEST)
    books.mark[BTC] = low
    lost = slack.spare - share_out(books).spare
    assert abs(lost - slack.spare * SHARED / 2) < D("1e-20")


def test_between_its_borders_nothing_is_looked_at_again() -> None:
    books = cross().books
    assert not fails(books, ETH)
    kept = books.figures.slack
    books.tick(ETH, Price(D("10.1")), Price(D("10.1")))
    assert not fails(books, ETH)
    assert books.figures.slack is kept


def test_beyond_a_border_the_slack_is_shared_out_anew() -> None:
    books = cross().books
    assert not fails(books, ETH)
    kept = books.figures.slack
    books.tick(ETH, Price(D("13")), Price(D("13")))
    assert not fails(books, ETH)
    assert not fails(books, BTC)
    assert books.figures.slack is not kept


def test_losses_of_two_symbols_fail_together_what_neither_would_fail_alone() -> None:
    books = cross().books
    books.tick(BTC, Price(D(75)), Price(D(75)))
    assert not fails(books, BTC)
    books.tick(ETH, Price(D("12.5")), Price(D("12.5")))
    assert fails(books, ETH)


def test_a_symbol_without_a_position_fails_nothing() -> None:
    floor = cross()
    floor.buys("10", symbol=ETH)
    books = floor.books
    books.mark[BTC] = Price(D(1))
    assert not fails(books, ETH)
    assert books.figures.slack is not None
    assert books.figures.slack.borders[ETH] == (LOWEST, HIGHEST)


@pytest.mark.parametrize("change", ["a fill", "funding", "the margin mode"])
def test_what_changes_a_position_or_the_mode_ends_all_borders(change: str) -> None:
    floor = cross()
    assert not fails(floor.books, BTC)
    match change:
        case "a fill":
            floor.buys("1", symbol=ETH)
        case "funding":
            floor.settles("0.0001")
        case _:
            floor.books.put_account(replace(floor.books.account))
    assert floor.books.figures.slack is None
