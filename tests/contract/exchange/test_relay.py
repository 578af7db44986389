"""A paper exchange whose market another venue makes: what its clients see, and what happens when that venue fails."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from libs.common.errors import Misconfigured
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Symbol
from tests.support.relay_venue import RelayVenue, relay_venue
from tests.support.told_venue import MORNING, ToldVenue, serving
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

BTC = Symbol("BTCUSDT")
LONG_ENOUGH_S = 40.0  # for a connection that says nothing to be given up, and another to be made


@pytest.fixture
async def upstream() -> AsyncIterator[ToldVenue]:
    async with serving(ToldVenue()) as venue:
        yield venue


@pytest.fixture
async def relay(upstream: ToldVenue, tmp_path: Path) -> AsyncIterator[RelayVenue]:
    async with relay_venue(tmp_path, upstream.url) as venue:
        await venue.is_ready()
        yield venue


@pytest.mark.parametrize("interval", ["1", "3", "15", "60", "240", "D", "W", "M"])
async def test_candles_of_every_length_are_the_upstreams(relay: RelayVenue, upstream: ToldVenue, interval: str) -> None:
    await upstream.passes(90_000)
    await upstream.trades_at("104.5", "2")
    await upstream.passes(1)
    await relay.reaches(upstream.now)
    assert await relay.candles(interval, limit=200) == upstream.candles({"interval": interval, "limit": 200})
    begin = MORNING - 2 * DAY_MS
    old = await relay.candles(interval, start=begin, end=MORNING - DAY_MS, limit=50)
    assert old == upstream.candles({"interval": interval, "start": begin, "end": MORNING - DAY_MS, "limit": 50})


async def test_old_candles_are_asked_for_once(relay: RelayVenue, upstream: ToldVenue) -> None:
    first = await relay.candles("15", limit=200)
    asked = upstream.asked["kline"]
    assert await relay.candles("15", limit=200) == first
    assert await relay.candles("15", end=MORNING - HOUR_MS, limit=50) == first[3:53]
    assert upstream.asked["kline"] == asked


async def test_candles_of_mark_index_and_premium_are_the_upstreams(relay: RelayVenue, upstream: ToldVenue) -> None:
    rows = [row[:5] for row in upstream.candles({"interval": "5", "limit": 30})]
    assert await relay.candles("5", kind="mark-price-kline", limit=30) == rows


async def test_settled_funding_is_the_upstreams_however_old(tmp_path: Path) -> None:
    venue = ToldVenue()
    venue.settled = [(MORNING - n * 8 * HOUR_MS, f"0.000{n % 9 + 1}") for n in range(300, 0, -1)]
    async with serving(venue), relay_venue(tmp_path, venue.url) as relay:
        await relay.is_ready()
        newest = (await relay.market("funding/history", limit=3))["result"]["list"]
        assert [(int(row["fundingRateTimestamp"]), row["fundingRate"]) for row in newest] == venue.settled[:-4:-1]
        begin, end = venue.settled[10][0], venue.settled[14][0]
        old = (await relay.market("funding/history", startTime=begin, endTime=end))["result"]["list"]
        assert [(int(row["fundingRateTimestamp"]), row["fundingRate"]) for row in old] == venue.settled[14:9:-1]


async def test_trades_and_figures_are_the_upstreams(relay: RelayVenue, upstream: ToldVenue) -> None:
    for price, side in (("101", "Buy"), ("102", "Buy"), ("101.5", "Sell")):
        await upstream.trades_at(price, "0.5", side=side)
    upstream.mark = "101.2"
    await upstream.passes(10)
    await relay.reaches(upstream.now)
    trades = (await relay.market("recent-trade"))["result"]["list"]
    names = ("execId", "price", "size", "side", "time")
    assert [[row[name] for name in names] for row in trades] == [
        [row[name] for name in names] for row in upstream.trades[::-1]
    ]
    (row,) = (await relay.market("tickers"))["result"]["list"]
    same = ("lastPrice", "markPrice", "indexPrice", "openInterest", "turnover24h", "highPrice24h", "fundingRate")
    assert [row[name] for name in same] == [upstream.ticker()[name] for name in same]
    assert (row["bid1Price"], row["bid1Size"], row["ask1Price"]) == ("99.9", "5", "100.1")


async def test_a_market_order_is_filled_from_the_upstreams_levels(relay: RelayVenue, upstream: ToldVenue) -> None:
    await upstream.levels(asks={"100.1": "0", "100.15": "1", "100.2": "2"})
    await upstream.passes(10)
    await relay.reaches(upstream.now)
    book = (await relay.market("orderbook"))["result"]
    assert (book["a"], book["b"]) == ([["100.15", "1"], ["100.2", "2"]], [["99.9", "5"], ["99.8", "10"]])

    assert (await relay.buys("2.5"))["retCode"] == 0
    assert await relay.fills() == [("Buy", "1", "100.15"), ("Buy", "1.5", "100.2")]


async def test_a_resting_order_is_filled_by_the_trade_that_goes_through_it(
    relay: RelayVenue, upstream: ToldVenue
) -> None:
    assert (await relay.buys("0.5", orderType="Limit", price="98"))["retCode"] == 0
    await upstream.trades_at("98.5", "100")
    await upstream.passes(10)
    await relay.reaches(upstream.now)
    assert await relay.fills() == []
    await upstream.trades_at("97", "100")
    await upstream.passes(10)
    await relay.reaches(upstream.now)
    assert await relay.fills() == [("Buy", "0.5", "98")]


async def test_a_candle_that_was_not_told_is_asked_for(relay: RelayVenue, upstream: ToldVenue) -> None:
    await upstream.passes(MINUTE_MS, heard=False)
    await upstream.passes(1_000)
    await relay.reaches(upstream.now)
    assert (await relay.candles(limit=5)) == upstream.candles({"interval": "1", "limit": 5})


@pytest.mark.parametrize(
    "frame", ["", "{", "[]", '{"topic": "tickers.BTCUSDT"}', '{"topic": "kline.1.BTCUSDT", "data": [{}], "ts": 1}']
)
async def test_frames_that_cannot_be_read_change_nothing(relay: RelayVenue, upstream: ToldVenue, frame: str) -> None:
    await upstream.says(frame)
    await upstream.trades_at("103")
    await upstream.passes(10)
    await relay.reaches(upstream.now)
    assert relay.price(BTC) == 103
    assert upstream.asked["subscribe"] == 1


async def test_levels_that_do_not_fit_are_asked_for_again(relay: RelayVenue, upstream: ToldVenue) -> None:
    await upstream.says(upstream.book("delta", {"55": "0"}, {}))

    async def is_whole() -> bool:
        answer = await relay.buys("1")
        return bool(answer["retCode"] == 0 and upstream.asked["unsubscribe"] == 1)

    await eventually(is_whole)


async def test_what_happened_while_the_connection_was_down_is_played(relay: RelayVenue, upstream: ToldVenue) -> None:
    assert (await relay.buys("0.5", orderType="Limit", price="98"))["retCode"] == 0
    await upstream.hangs_up()
    upstream.deaf = True  # whoever connects meanwhile hears nothing
    await upstream.trades_at("97.5", "3", heard=False)
    await upstream.passes(3 * MINUTE_MS + 500, heard=False)
    await upstream.trades_at("100.5", heard=False)
    upstream.deaf = False
    await relay.reaches(upstream.now)
    await relay.is_ready(within_s=LONG_ENOUGH_S)
    assert await relay.candles(limit=10) == upstream.candles({"interval": "1", "limit": 10})
    assert await relay.fills() == [("Buy", "0.5", "98")]
    assert relay.price(BTC) == Decimal("100.5")


async def test_while_nothing_is_heard_orders_are_refused_and_health_says_why(
    relay: RelayVenue, upstream: ToldVenue
) -> None:
    resting = await relay.buys("0.5", orderType="Limit", price="98")
    before = relay.world.now
    upstream.deaf = True
    await relay.is_cut_off()
    refused = await relay.buys("1")
    assert refused["retCode"] == 10016
    assert "not heard" in refused["retMsg"]
    assert relay.world.now == before
    cancelled = await relay.asks("order/cancel", orderId=resting["result"]["orderId"])
    assert cancelled["retCode"] == 0

    upstream.deaf = False
    await relay.is_ready(within_s=LONG_ENOUGH_S)
    assert (await relay.buys("1"))["retCode"] == 0
    asked = [row["retCode"] for row in (await relay.audit())["requests"]]  # type: ignore[union-attr,index,call-overload]
    assert asked == [0, 10016, 0, 0]


async def test_an_upstream_that_goes_away_and_comes_back_is_followed(tmp_path: Path) -> None:
    venue = ToldVenue()
    async with AsyncExitStack() as stack:
        async with serving(venue):
            relay = await stack.enter_async_context(relay_venue(tmp_path, venue.url))
            await relay.is_ready()
        await relay.is_cut_off()
        assert len(await relay.candles(limit=100)) == 100
        assert len(await relay.candles("15", limit=40)) == 40  # made of what was heard
        old = await relay.market("kline", interval="15", limit=900)
        assert old["retCode"] == 10016
        await venue.passes(20 * MINUTE_MS)
        async with serving(venue):
            await relay.is_ready(within_s=LONG_ENOUGH_S)
            await relay.reaches(venue.now)
            assert await relay.candles(limit=30) == venue.candles({"interval": "1", "limit": 30})


async def test_funding_settles_at_the_rate_that_the_upstream_announced(tmp_path: Path) -> None:
    venue = ToldVenue()
    await venue.passes(8 * HOUR_MS - MINUTE_MS)
    async with serving(venue), relay_venue(tmp_path, venue.url) as relay:
        await relay.is_ready()
        await relay.buys("2")
        venue.rate = "0.001"
        await venue.tells_ticker()
        await venue.passes(2 * MINUTE_MS)
        await relay.reaches(venue.now)
        rows: Any = (await relay.audit())["funding"]
        assert [(row["rate"], row["time"], row["amount"]) for row in rows] == [("0.001", MORNING + 8 * HOUR_MS, "0.2")]


async def test_a_restart_finds_the_books_and_plays_what_was_missed(upstream: ToldVenue, tmp_path: Path) -> None:
    async with relay_venue(tmp_path, upstream.url) as first:
        await first.is_ready()
        await first.buys("1", stopLoss="95")
    await upstream.trades_at("94", "5", heard=False)
    await upstream.passes(30 * MINUTE_MS, heard=False)
    async with relay_venue(tmp_path, upstream.url) as second:
        await second.is_ready()
        await second.reaches(upstream.now)
        assert [fill[:2] for fill in await second.fills()] == [("Buy", "1"), ("Sell", "1")]
        assert await second.candles(limit=200) == upstream.candles({"interval": "1", "limit": 200})


async def test_books_can_be_read_while_the_upstream_is_away_at_the_start(tmp_path: Path) -> None:
    venue = ToldVenue()
    async with serving(venue), relay_venue(tmp_path, venue.url) as first:
        await first.is_ready()
        await first.buys("1")
    async with relay_venue(tmp_path, venue.url) as second:
        assert await second.why()
        assert (await second.buys("1"))["retCode"] == 10016
        audit: Any = await second.audit()
        assert audit["open"]["positions"] == 1
        async with serving(venue):
            await second.is_ready(within_s=LONG_ENOUGH_S)
            assert (await second.buys("1"))["retCode"] == 0


async def test_nothing_but_public_data_is_asked_for_and_no_key_is_sent(relay: RelayVenue, upstream: ToldVenue) -> None:
    await relay.buys("1")
    await relay.candles("15", limit=500)
    assert set(upstream.paths) <= {"/v5/public/linear"} | {
        f"/v5/market/{name}"
        for name in ("instruments-info", "tickers", "orderbook", "kline", "recent-trade", "funding/history")
    }
    assert not [name for name in upstream.headers if name.lower().startswith("x-bapi") or name == "Authorization"]


async def test_the_clock_goes_as_the_upstreams_does(relay: RelayVenue) -> None:
    for order in ({"speed": 60}, {"speed": "max"}, {"step": 1_000}):
        answer = await relay.http.post("/paper/v1/clock", json=order)
        assert answer.status_code == 400
        assert "relayed" in answer.json()["error"]
    assert (await relay.http.post("/paper/v1/clock", json={"paused": False})).status_code == 200


async def test_a_subscription_that_is_not_answered_is_made_again(upstream: ToldVenue, tmp_path: Path) -> None:
    upstream.forgetful = True
    async with relay_venue(tmp_path, upstream.url) as relay:

        async def has_asked() -> bool:
            return upstream.asked["subscribe"] > 1

        await eventually(has_asked, within_s=LONG_ENOUGH_S)
        assert await relay.why()
        upstream.forgetful = False
        await relay.is_ready(within_s=LONG_ENOUGH_S)
        assert (await relay.buys("1"))["retCode"] == 0


async def test_levels_that_never_came_are_asked_for_again(upstream: ToldVenue, tmp_path: Path) -> None:
    upstream.shows_levels = False
    async with relay_venue(tmp_path, upstream.url) as relay:
        await relay.is_ready()
        assert "no levels of BTCUSDT" in (await relay.buys("1"))["retMsg"]
        upstream.shows_levels = True

        async def is_whole() -> bool:
            answer = await relay.buys("1")
            return bool(answer["retCode"] == 0)

        await eventually(is_whole)


async def test_a_symbol_that_is_not_listed_names_the_key(upstream: ToldVenue, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"market\.symbols = XUSDT: not listed"):
        async with relay_venue(tmp_path, upstream.url, symbols=("BTCUSDT", "XUSDT")):
            pass


async def test_books_of_another_time_are_refused(tmp_path: Path) -> None:
    venue = ToldVenue()
    async with serving(venue):
        async with relay_venue(tmp_path, venue.url) as first:
            await first.is_ready()
        venue.now = Instant(MORNING - DAY_MS)
        with pytest.raises(Misconfigured, match=r"paper\.upstream_url: the market there is at 2025-09-14"):
            async with relay_venue(tmp_path, venue.url):
                pass
