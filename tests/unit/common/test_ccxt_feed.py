"""What our client makes of the public half of the dialect."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from libs.common.budget.local import LocalBudget
from libs.common.clock import SystemClock
from libs.common.errors import Transient
from libs.common.exchange import MarketFeed
from libs.common.exchange.ccxt_feed import CcxtFeed, PublicFrames
from libs.common.exchange.market_types import CandleClosedFrame, FeedDown, FeedUp, PriceFrame
from libs.common.units import Instant, Price, Symbol, Timeframe
from tests.support import bybit_samples as samples
from tests.support.raw_venue import Answer, RawVenue, no, ok, raw_venue

BTC = Symbol("BTCUSDT")


@dataclass
class World:
    venue: RawVenue
    feed: CcxtFeed


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with raw_venue() as venue:
        clock = SystemClock()
        feed = CcxtFeed(venue.endpoint, clock, Random(1), LocalBudget(clock, Random(1)))
        port: MarketFeed = feed
        yield World(venue, feed)
        await port.close()


def kline(start: int, *, confirm: bool, topic: str = "kline.15.BTCUSDT", close: str = "1.50") -> dict[str, Any]:
    row = {"start": start, "open": "1.10", "high": "2", "low": "1", "close": close, "confirm": confirm}
    return {"topic": topic, "ts": start + 900_000, "data": [row | {"volume": "10", "turnover": "15"}]}


def tickers(ts: int, **data: str) -> dict[str, Any]:
    return {"topic": "tickers.BTCUSDT", "ts": ts, "data": {"symbol": "BTCUSDT"} | data}


def moved(at: int, last: str, mark: str) -> PriceFrame:
    return PriceFrame(BTC, Price(Decimal(last)), Price(Decimal(mark)), Instant(at))


async def test_every_page_of_instruments_is_read_and_only_usdt_perpetuals_are_kept(world: World) -> None:
    world.venue.answer(
        ok(list=[samples.instrument(), samples.instrument(symbol="BTCPERP", settleCoin="USDC")], nextPageCursor="2"),
        ok(list=[samples.instrument(symbol="ETHUSDT"), samples.instrument(symbol="BTC-27DEC24", status="Closed")]),
    )
    assert [i.symbol for i in await world.feed.instruments()] == ["BTCUSDT", "ETHUSDT"]


async def test_an_instruments_numbers_are_the_venues_own(world: World) -> None:
    world.venue.answer(ok(list=[samples.instrument()]))
    [instrument] = await world.feed.instruments()
    assert (str(instrument.tick), str(instrument.qty_step), str(instrument.min_notional)) == ("0.10", "0.001", "5")
    assert instrument.funding_interval_ms == 8 * 3_600_000


async def test_candles_come_oldest_first_and_do_not_claim_to_be_closed(world: World) -> None:
    world.venue.answer(ok(list=[["900000", "2", "2", "2", "2", "1", "2"], ["0", "1.10", "1", "1", "1", "1", "1"]]))
    candles = await world.feed.candles(BTC, Timeframe.M15, start=Instant(0), limit=2)
    assert [(c.open_at, str(c.open), c.closed) for c in candles] == [(0, "1.10", None), (900_000, "2", None)]
    assert world.venue.requests[0].query == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "interval": "15",
        "limit": "2",
        "start": "0",
    }


async def test_a_candle_that_cannot_be_read_is_an_error(world: World) -> None:
    world.venue.answer(ok(list=[["900000", "2"]]))
    with pytest.raises(Transient):
        await world.feed.candles(BTC, Timeframe.M15, start=None, limit=2)


async def test_a_ticker_without_a_book_has_its_last_price(world: World) -> None:
    world.venue.answer(ok(list=[samples.ticker(bid1Price="", ask1Price="")]))
    [ticker] = await world.feed.tickers()
    assert (str(ticker.bid), str(ticker.ask), str(ticker.turnover_24h)) == ("100000.5", "100000.5", "123456789.12")


async def test_a_ticker_has_the_range_of_its_day_and_without_one_its_last_price(world: World) -> None:
    world.venue.answer(ok(list=[samples.ticker(), samples.ticker(highPrice24h="", lowPrice24h="")]))
    ranged, empty = await world.feed.tickers()
    assert (str(ranged.low_24h), str(ranged.high_24h)) == ("99000.5", "101000.0")
    assert empty.low_24h == empty.high_24h == empty.last


async def test_only_confirmed_candles_are_told(world: World) -> None:
    world.venue.connections.append([kline(0, confirm=False), kline(0, confirm=True, close="1.75")])
    stream = world.feed.live([BTC], [Timeframe.M15, Timeframe.H1])
    assert await anext(stream) == FeedUp()
    event = await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert isinstance(event, CandleClosedFrame)
    assert (event.candle.open_at, str(event.candle.close), event.candle.closed, event.at) == (0, "1.75", True, 900_000)
    assert world.venue.asked[0]["args"] == ["kline.15.BTCUSDT", "kline.60.BTCUSDT", "tickers.BTCUSDT"]


async def test_a_lost_connection_is_told_and_mended(world: World) -> None:
    world.venue.connections.extend([[], [tickers(5, lastPrice="1", markPrice="2")]])
    stream = world.feed.live([BTC], [Timeframe.M15])
    events = [await anext(stream) for _ in range(4)]
    await stream.aclose()  # type: ignore[attr-defined]
    assert [type(event) for event in events] == [FeedUp, FeedDown, FeedUp, PriceFrame]


async def test_two_connections_of_one_feed_live_and_die_by_themselves(world: World) -> None:
    first, second = world.feed.live([BTC], [Timeframe.M15]), world.feed.live([Symbol("ETHUSDT")], [Timeframe.M15])
    assert [await anext(first), await anext(second)] == [FeedUp(), FeedUp()]
    await first.aclose()  # type: ignore[attr-defined]
    hearing = asyncio.ensure_future(anext(second))
    world.venue.connections.append([tickers(5, lastPrice="1", markPrice="2")])
    third = world.feed.live([BTC], [Timeframe.M15])
    assert [type(await anext(third)) for _ in range(3)] == [FeedUp, PriceFrame, FeedDown]
    assert not hearing.done()
    hearing.cancel()
    await third.aclose()  # type: ignore[attr-defined]


def test_deltas_are_merged_onto_the_snapshot_and_told_even_when_nothing_moved() -> None:
    frames = PublicFrames()
    told = [
        event
        for frame in (
            tickers(1, lastPrice="1.10", markPrice="2.20"),
            tickers(2, markPrice="3.30"),
            tickers(3),
        )
        for event in frames.events(frame)
    ]
    assert told == [moved(1, "1.10", "2.20"), moved(2, "1.10", "3.30"), moved(3, "1.10", "3.30")]


def test_a_delta_without_a_snapshot_is_an_error() -> None:
    with pytest.raises(Transient):
        list(PublicFrames().events(tickers(1, markPrice="2")))


class Watched:
    """A budget that notes what it is asked and told."""

    def __init__(self) -> None:
        self.noted: list[object] = []

    async def turn(self) -> None:
        self.noted.append("turn")

    async def hold_off(self, ms: int) -> None:
        self.noted.append(ms)


async def asked_of(venue: RawVenue, *answers: Answer) -> list[object]:
    """What the budget saw of one question after the other."""
    budget = Watched()
    feed = CcxtFeed(venue.endpoint, SystemClock(), Random(1), budget)
    venue.answer(*answers)
    for _ in answers:
        with suppress(Transient):
            await feed.tickers()
    await feed.close()
    return budget.noted


async def test_every_request_waits_for_its_turn_pages_too(world: World) -> None:
    budget = Watched()
    feed = CcxtFeed(world.venue.endpoint, SystemClock(), Random(1), budget)
    world.venue.answer(ok(list=[samples.instrument()], nextPageCursor="2"), ok(list=[]))
    await feed.instruments()
    await feed.close()
    assert budget.noted == ["turn", "turn"]


async def test_too_many_visits_are_followed_by_the_patience_that_the_venue_asks_for(world: World) -> None:
    reset = str(SystemClock().now() + 5_000)
    first, wait_ms, second = await asked_of(
        world.venue, no(10006, "Too many visits!", X_Bapi_Limit_Reset_Timestamp=reset), ok(list=[])
    )
    assert (first, second) == ("turn", "turn")
    assert isinstance(wait_ms, int)
    assert 3_000 < wait_ms <= 5_000


async def test_an_address_that_is_shut_out_sends_nothing_for_ten_minutes(world: World) -> None:
    shut = Answer(b"access too frequent", status=403)
    assert await asked_of(world.venue, shut) == ["turn", 600_000]


async def test_the_last_request_that_the_headers_allow_is_followed_by_a_pause(world: World) -> None:
    headers = {"X-Bapi-Limit-Status": "0", "X-Bapi-Limit-Reset-Timestamp": str(SystemClock().now() + 5_000)}
    noted = await asked_of(world.venue, replace(ok(list=[]), headers=headers), ok(list=[]))
    assert noted[0::2] == ["turn", "turn"]
    assert isinstance(noted[1], int)
    assert 3_000 < noted[1] <= 5_000
