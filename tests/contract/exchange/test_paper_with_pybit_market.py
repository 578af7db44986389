"""pybit, unmodified, asks the paper exchange about its market."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from libs.common.units import HOUR_MS, MINUTE_MS
from tests.support.bybit_clients import pybit_http
from tests.support.bybit_process import ServedExchange, served_exchange
from tests.support.bybit_pybit import LINEAR, refused

DAY = 24 * 60


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedExchange]:
    with served_exchange(tmp_path_factory.mktemp("pybit")) as served:
        yield served


@pytest.fixture
def session(exchange: ServedExchange) -> Any:
    return pybit_http(exchange.endpoint)


def test_the_servers_time_is_the_walls_whatever_the_market_says(session: Any, exchange: ServedExchange) -> None:
    answer = session.get_server_time()
    assert abs(answer["time"] - int(answer["result"]["timeSecond"]) * 1_000) < 1_000
    assert answer["result"]["timeNano"].startswith(answer["result"]["timeSecond"])
    assert answer["time"] - exchange.now > 24 * HOUR_MS


def test_instruments_come_whole_page_by_page_and_by_symbol(session: Any) -> None:
    first = session.get_instruments_info(category="linear", limit=1)["result"]
    second = session.get_instruments_info(category="linear", limit=1, cursor=first["nextPageCursor"])["result"]
    assert [row["symbol"] for page in (first, second) for row in page["list"]] == ["BTCUSDT", "ETHUSDT"]
    assert second["nextPageCursor"] == ""
    [btc] = session.get_instruments_info(**LINEAR)["result"]["list"]
    assert (btc["priceFilter"]["tickSize"], btc["fundingInterval"], btc["status"]) == ("0.1", 480, "Trading")
    assert session.get_instruments_info(category="linear", status="PreLaunch")["result"]["list"] == []
    for category in ("spot", "inverse", "option"):
        assert session.get_instruments_info(category=category)["result"]["list"] == []


@pytest.mark.parametrize("interval", ["1", "3", "5", "15", "30", "60", "120", "240", "360", "720", "D", "W", "M"])
def test_every_interval_has_candles_that_contain_their_own_prices(session: Any, interval: str) -> None:
    rows = session.get_kline(**LINEAR, interval=interval, limit=2)["result"]["list"]
    for row in rows:
        opened, high, low, close = map(Decimal, row[1:5])
        assert low <= min(opened, close) <= max(opened, close) <= high
    assert rows


def test_a_window_of_candles_is_inclusive_and_newest_first(session: Any, exchange: ServedExchange) -> None:
    end = exchange.now - exchange.now % MINUTE_MS - MINUTE_MS
    start = end - 9 * MINUTE_MS
    rows = session.get_kline(**LINEAR, interval=1, start=start, end=end)["result"]["list"]
    assert [int(row[0]) for row in rows] == list(range(end, start - 1, -MINUTE_MS))
    three = session.get_kline(**LINEAR, interval=1, start=start, limit=3)["result"]["list"]
    assert [int(row[0]) for row in three] == [start + n * MINUTE_MS for n in (2, 1, 0)]


def test_two_days_of_minutes_lie_before_the_start(session: Any, exchange: ServedExchange) -> None:
    seen: set[int] = set()
    end: int = exchange.now
    while len(seen) < 2 * DAY:
        rows = session.get_kline(**LINEAR, interval=1, limit=1000, end=end)["result"]["list"]
        assert rows, f"history ends after {len(seen)} minutes"
        seen |= {int(row[0]) for row in rows}
        end = min(seen) - 1
    assert len(seen) == (max(seen) - min(seen)) // MINUTE_MS + 1


@pytest.mark.parametrize("kind", ["mark", "index", "premium_index"])
def test_prices_other_than_the_last_have_candles_of_five_columns(session: Any, kind: str) -> None:
    asked = getattr(session, f"get_{kind}_price_kline")(**LINEAR, interval="15", limit=5)["result"]
    assert (asked["symbol"], asked["category"]) == ("BTCUSDT", "linear")
    assert [len(row) for row in asked["list"]] == [5] * 5


def test_the_newest_candle_ends_at_the_last_price(session: Any, exchange: ServedExchange) -> None:
    exchange.steps(90_000)
    [ticker] = session.get_tickers(**LINEAR)["result"]["list"]
    [newest] = session.get_kline(**LINEAR, interval=1, limit=1)["result"]["list"]
    assert Decimal(newest[4]) == Decimal(ticker["lastPrice"])


def test_all_tickers_and_one(session: Any) -> None:
    rows = session.get_tickers(category="linear")["result"]["list"]
    assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT"]
    for row in rows:
        assert Decimal(row["bid1Price"]) < Decimal(row["ask1Price"])
        assert Decimal(row["lowPrice24h"]) <= Decimal(row["lastPrice"]) <= Decimal(row["highPrice24h"])


@pytest.mark.parametrize("depth", [1, 50, 200, 500])
def test_the_book_is_as_deep_as_asked(session: Any, depth: int) -> None:
    book = session.get_orderbook(**LINEAR, limit=depth)["result"]
    assert 0 < len(book["b"]) <= depth
    assert 0 < len(book["a"]) <= depth
    assert Decimal(book["b"][0][0]) < Decimal(book["a"][0][0])


def test_public_trades_are_the_newest_and_end_at_the_last_price(session: Any, exchange: ServedExchange) -> None:
    exchange.steps(5 * MINUTE_MS)
    rows = session.get_public_trade_history(**LINEAR, limit=10)["result"]["list"]
    [ticker] = session.get_tickers(**LINEAR)["result"]["list"]
    assert len(rows) == 10
    assert len({row["execId"] for row in rows}) == 10
    assert Decimal(rows[0]["price"]) == Decimal(ticker["lastPrice"])
    assert {row["side"] for row in rows} <= {"Buy", "Sell"}


def test_funding_has_a_history_whose_start_needs_an_end(session: Any, exchange: ServedExchange) -> None:
    rows = session.get_funding_rate_history(**LINEAR, limit=5)["result"]["list"]
    assert [int(row["fundingRateTimestamp"]) % (8 * HOUR_MS) for row in rows] == [0] * 5
    since = int(rows[-1]["fundingRateTimestamp"])
    again = session.get_funding_rate_history(**LINEAR, startTime=since, endTime=exchange.now)["result"]["list"]
    assert again == rows
    with refused(10001):
        session.get_funding_rate_history(**LINEAR, startTime=since)


def test_risk_tiers_grow(session: Any) -> None:
    tiers = session.get_risk_limit(**LINEAR)["result"]["list"]
    limits = [Decimal(tier["riskLimitValue"]) for tier in tiers]
    assert limits == sorted(set(limits))
    assert [tier["isLowestRisk"] for tier in tiers] == [1] + [0] * (len(tiers) - 1)
    assert Decimal(tiers[0]["maxLeverage"]) == 100


def test_prices_have_a_limit_on_both_sides(session: Any, exchange: ServedExchange) -> None:
    limit = session.get_price_limit(**LINEAR)["result"]
    assert Decimal(limit["sellLmt"]) < exchange.price() < Decimal(limit["buyLmt"])


def test_what_is_not_listed_is_refused(session: Any) -> None:
    for call in (session.get_kline, session.get_orderbook, session.get_tickers, session.get_public_trade_history):
        with refused(10001):
            call(category="linear", symbol="NOPEUSDT", interval="1")
