"""ccxt's own bybit class, unmodified and not configured, asks the paper exchange about its market."""

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import ccxt.async_support as ccxt
import pytest

from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS
from tests.support.bybit_clients import stock_ccxt
from tests.support.bybit_floor import Swings, swinging_venue

pytestmark = pytest.mark.anyio
BTC = "BTC/USDT:USDT"
ETH = "ETH/USDT:USDT"


@pytest.fixture
async def swings(tmp_path: Path) -> AsyncIterator[Swings]:
    async with swinging_venue(tmp_path) as served:
        yield served


@pytest.fixture
async def bybit(swings: Swings) -> AsyncIterator[Any]:
    async with stock_ccxt(swings.endpoint) as client:
        await client.load_markets()
        yield client


async def test_markets_are_loaded_with_their_precision_and_limits(bybit: Any) -> None:
    assert set(bybit.markets) == {BTC, ETH}
    market = bybit.market(BTC)
    assert (market["swap"], market["linear"], market["settle"], market["active"]) == (True, True, "USDT", True)
    assert market["precision"] == {"amount": 0.0001, "price": 0.1} | market["precision"]
    assert market["limits"]["leverage"]["max"] == 100
    assert market["limits"]["amount"]["min"] == market["precision"]["amount"]


async def test_the_clock_difference_is_asked_for_when_that_is_configured(swings: Swings) -> None:
    async with stock_ccxt(swings.endpoint, options={"adjustForTimeDifference": True}) as client:
        await client.load_markets()
        assert abs(client.options["timeDifference"]) < 1_000
        assert await client.fetch_time() == pytest.approx(client.milliseconds(), abs=5_000)


async def test_candles_come_oldest_first_from_where_they_are_asked(bybit: Any, swings: Swings) -> None:
    now = swings.venue.world.now
    since = now - 30 * MINUTE_MS
    candles = await bybit.fetch_ohlcv(BTC, "1m", since, 5)
    assert [candle[0] for candle in candles] == [since + n * MINUTE_MS for n in range(5)]
    newest = await bybit.fetch_ohlcv(BTC, "15m", limit=3)
    assert [b[0] - a[0] for a, b in pairwise(newest)] == [15 * MINUTE_MS] * 2
    assert now - 30 * MINUTE_MS <= newest[-1][0] <= now
    until = await bybit.fetch_ohlcv(BTC, "5m", since, 100, {"until": now - 10 * MINUTE_MS})
    assert until[-1][0] <= now - 10 * MINUTE_MS


@pytest.mark.parametrize("timeframe", ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "1w", "1M"])
async def test_every_timeframe_of_ccxt_has_candles(bybit: Any, timeframe: str) -> None:
    [*_, newest] = await bybit.fetch_ohlcv(BTC, timeframe, limit=2)
    _, opened, high, low, close, volume = newest
    assert low <= min(opened, close) <= max(opened, close) <= high
    assert volume > 0


async def test_two_days_of_minutes_come_page_by_page_without_a_hole(bybit: Any, swings: Swings) -> None:
    now = swings.venue.world.now
    since = now - 2 * DAY_MS
    candles = await bybit.fetch_ohlcv(BTC, "1m", since, params={"paginate": True, "until": now, "paginationCalls": 4})
    opened = [candle[0] for candle in candles if candle[0] < now]
    assert opened == list(range(since, now, MINUTE_MS))


@pytest.mark.parametrize("price", ["mark", "index", "premiumIndex"])
async def test_other_prices_have_candles_without_volume(bybit: Any, price: str) -> None:
    candles = await bybit.fetch_ohlcv(BTC, "15m", limit=4, params={"price": price})
    assert len(candles) == 4
    assert {candle[5] for candle in candles} == {None}


async def test_tickers_one_and_all(bybit: Any, swings: Swings) -> None:
    tickers = await bybit.fetch_tickers()
    assert set(tickers) == {BTC, ETH}
    ticker = await bybit.fetch_ticker(BTC)
    assert ticker["last"] == float(swings.price())
    assert ticker["bid"] < ticker["ask"]
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert min(ticker["quoteVolume"], ticker["baseVolume"], ticker["markPrice"], ticker["indexPrice"]) > 0
    best = (await bybit.fetch_bids_asks([BTC]))[BTC]
    assert (best["bid"], best["ask"]) == (ticker["bid"], ticker["ask"])


async def test_the_book_and_its_best_prices(bybit: Any) -> None:
    book = await bybit.fetch_order_book(BTC, 50)
    ticker = await bybit.fetch_ticker(BTC)
    assert (book["bids"][0][0], book["asks"][0][0]) == (ticker["bid"], ticker["ask"])
    assert 0 < len(book["bids"]) <= 50


async def test_public_trades_are_in_order_and_end_at_the_last_price(bybit: Any, swings: Swings) -> None:
    trades = await bybit.fetch_trades(BTC, limit=20)
    assert len(trades) == 20
    assert [trade["timestamp"] for trade in trades] == sorted(trade["timestamp"] for trade in trades)
    assert trades[-1]["price"] == float(swings.price())
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}


async def test_funding_rates_now_and_before(bybit: Any, swings: Swings) -> None:
    now = swings.venue.world.now
    rate = await bybit.fetch_funding_rate(BTC)
    assert rate["fundingRate"] == 0.0001
    assert now < rate["fundingTimestamp"] <= now + 8 * HOUR_MS
    assert set(await bybit.fetch_funding_rates()) == {BTC, ETH}
    since = now - 2 * DAY_MS
    history = await bybit.fetch_funding_rate_history(BTC, since)
    assert [row["timestamp"] for row in history] == list(range(since, now + 1, 8 * HOUR_MS))


async def test_leverage_tiers_grow_from_one_to_the_next(bybit: Any) -> None:
    tiers = await bybit.fetch_market_leverage_tiers(BTC)
    assert tiers[0]["maxLeverage"] == 100
    assert tiers[0]["maintenanceMarginRate"] == 0.005
    for tier, following in pairwise(tiers):
        assert tier["maxNotional"] == following["minNotional"] < following["maxNotional"]
        assert tier["maxLeverage"] > following["maxLeverage"]
    assert set(await bybit.fetch_leverage_tiers()) == {BTC, ETH}


async def test_an_unknown_symbol_is_ccxts_bad_symbol(bybit: Any) -> None:
    with pytest.raises(ccxt.BadSymbol):
        await bybit.fetch_ticker("NOPE/USDT:USDT")
    with pytest.raises(ccxt.BadSymbol):
        await bybit.public_get_v5_market_kline({"category": "linear", "symbol": "NOPEUSDT", "interval": "1"})
