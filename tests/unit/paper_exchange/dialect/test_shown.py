from decimal import Decimal

import pytest

from libs.common.errors import Refused
from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Price, Qty
from services.paper_exchange.adapters.markets.replay import replay_market
from services.paper_exchange.core.books.checks import check_price
from services.paper_exchange.core.dialect.shown import (
    book_side,
    instrument_row,
    price_limit_row,
    risk_rows,
    ticker_row,
    trade_row,
)
from services.paper_exchange.core.market.depth import Depths, Level, Quote
from services.paper_exchange.core.market.market import Trade
from tests.support.panels import MADE_FIRST, STEP_MS, MadePanel
from tests.support.scripted_market import BTC, START, ScriptedMarket, instrument
from tests.support.shown_market import ShownMarket


@pytest.fixture
def shown(made_panel: MadePanel) -> ShownMarket:
    market = replay_market(made_panel.directory, symbols="top:50", start=None, end=None)
    return ShownMarket(market, Instant(MADE_FIRST + 9 * STEP_MS))


def quoted(last: str) -> Quote:
    price = Price(Decimal(last))
    return Depths(ScriptedMarket()).quote(BTC, price, price, START)


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


def test_risk_tiers_come_smallest_first_and_only_the_first_is_the_lowest() -> None:
    rows = risk_rows(instrument())

    assert (rows[0]["id"], rows[0]["maxLeverage"], rows[0]["mmDeduction"]) == (1, "50", "")
    assert [row["isLowestRisk"] for row in rows] == [1] + [0] * (len(rows) - 1)
    limits = [Decimal(str(row["riskLimitValue"])) for row in rows]
    assert limits == sorted(limits)


def test_the_price_limits_are_those_that_orders_meet() -> None:
    quote = quoted("100")

    row = price_limit_row(instrument(), quote, Instant(7))

    assert row == {"symbol": "BTCUSDT", "buyLmt": "110", "sellLmt": "90", "ts": "7"}
    check_price(Price(Decimal(str(row["buyLmt"]))), Action.BUY, instrument(), quote)
    with pytest.raises(Refused):
        check_price(Price(Decimal("110.1")), Action.BUY, instrument(), quote)


def test_a_trades_side_is_the_takers() -> None:
    row = trade_row(
        Trade(Instant(5), BTC, Price(Decimal("1.50")), Qty(Decimal("2.0")), Action.SELL, 9, "00000000-0000-1")
    )

    assert row == {
        "execId": "00000000-0000-1",
        "symbol": "BTCUSDT",
        "price": "1.5",
        "size": "2",
        "side": "Sell",
        "time": "5",
        "isBlockTrade": False,
        "isRPITrade": False,
        "seq": "9",
    }


def test_a_book_shows_the_levels_best_first() -> None:
    levels = [Level(Price(Decimal("2.0")), Qty(Decimal("3.10"))), Level(Price(Decimal(1)), Qty(Decimal(9)))]

    assert book_side(levels) == [["2", "3.1"], ["1", "9"]]
