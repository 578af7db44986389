from decimal import Decimal

import pytest

from libs.common.units import Instant, Price, Qty
from services.paper_exchange.adapters.replay import replay_market
from services.paper_exchange.core.depth import Level
from services.paper_exchange.core.shown import book_side, instrument_row, risk_rows, ticker_row
from tests.support.panels import MADE_FIRST, STEP_MS, MadePanel
from tests.support.scripted_market import instrument
from tests.support.shown_market import ShownMarket


@pytest.fixture
def shown(made_panel: MadePanel) -> ShownMarket:
    market = replay_market(made_panel.directory, symbols="top:50", start=None, end=None)
    return ShownMarket(market, Instant(MADE_FIRST + 9 * STEP_MS))


def test_numbers_are_strings_without_exponent_and_counts_are_numbers() -> None:
    row = instrument_row(instrument(), 4)

    assert row["lotSizeFilter"] == {
        "minOrderQty": "0.001",
        "maxOrderQty": "1000",
        "maxMktOrderQty": "100",
        "qtyStep": "0.001",
        "postOnlyMaxOrderQty": "1000",
        "minNotionalValue": "5",
    }
    assert (row["symbolId"], row["fundingInterval"], row["priceScale"]) == (4, 480, "1")


def test_no_market_of_this_exchange_passes_for_the_real_one() -> None:
    assert instrument_row(instrument(), 1)["displayName"] == "BTCUSDT (paper)"


def test_a_symbol_that_never_traded_has_no_ticker(shown: ShownMarket) -> None:
    late = next(each for each in shown.market.instruments if each.symbol == "NEWUSDT")

    assert ticker_row(shown, late) is None


def test_a_tickers_change_is_a_fraction_of_the_price_a_day_ago(shown: ShownMarket) -> None:
    row = ticker_row(shown, shown.market.instruments[0])

    assert row is not None
    last, before = Decimal(str(row["lastPrice"])), Decimal(str(row["prevPrice24h"]))
    assert row["price24hPcnt"] == format(((last - before) / before).quantize(Decimal("0.000001")).normalize(), "f")


def test_the_lowest_risk_tier_keeps_half_of_the_least_margin_and_the_next_ones_more() -> None:
    first, second, *_ = risk_rows(instrument())

    assert (first["initialMargin"], first["maintenanceMargin"], first["maxLeverage"]) == ("0.02", "0.01", "50")
    assert (first["isLowestRisk"], first["mmDeduction"], second["isLowestRisk"]) == (1, "", 0)
    assert Decimal(str(second["maintenanceMargin"])) > Decimal("0.01")


def test_a_book_shows_the_levels_best_first() -> None:
    levels = [Level(Price(Decimal("2.0")), Qty(Decimal("3.10"))), Level(Price(Decimal(1)), Qty(Decimal(9)))]

    assert book_side(levels) == [["2", "3.1"], ["1", "9"]]
