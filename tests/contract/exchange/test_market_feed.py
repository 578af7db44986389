"""What every venue owes to whoever watches its market: in memory, and on paper through ccxt."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from libs.common.errors import Transient
from libs.common.exchange.market_types import Candle, CandleClosedFrame, FeedDown, FeedEvent, FeedUp, PriceFrame
from libs.common.units import MINUTE_MS, Instant, Symbol, Timeframe
from services.fetcher.core.quality import off_tick
from tests.contract.exchange.conftest import BTC, Place
from tests.support.waiting import eventually

M15 = Timeframe.M15


@asynccontextmanager
async def watching(place: Place) -> AsyncIterator[list[FeedEvent]]:
    """Collect events of one symbol's 15m candles and prices from FeedUp on."""
    heard: list[FeedEvent] = []
    up = asyncio.Event()

    async def listen() -> None:
        async for event in place.feed.live([BTC], [M15]):
            heard.append(event)
            up.set()

    task = asyncio.create_task(listen())
    async with asyncio.timeout(20):
        await up.wait()
    yield heard
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def price_at(heard: list[FeedEvent], at: Instant) -> None:
    """Wait for a price of this moment or a later one."""

    async def is_heard() -> bool:
        return any(isinstance(event, PriceFrame) and event.at >= at for event in heard)

    await eventually(is_heard)


async def lines(heard: list[FeedEvent], *events: type[FeedEvent]) -> None:
    """Wait until the connection has gone down and up like this."""

    async def is_heard() -> bool:
        return [type(event) for event in heard if isinstance(event, FeedUp | FeedDown)] == list(events)

    await eventually(is_heard)


async def test_what_is_listed_can_be_traded_in_steps(place: Place) -> None:
    listed = {instrument.symbol: instrument for instrument in await place.feed.instruments()}
    assert BTC in listed
    assert all(i.tick > 0 and i.qty_step > 0 and i.min_qty > 0 and i.max_leverage >= 1 for i in listed.values())


async def test_every_ticker_has_a_price(place: Place) -> None:
    tickers = {ticker.symbol: ticker for ticker in await place.feed.tickers()}
    assert tickers[BTC].last == place.price()
    assert tickers[BTC].bid <= tickers[BTC].ask


async def test_the_newest_candles_come_oldest_first_without_holes(place: Place) -> None:
    candles = await place.feed.candles(BTC, M15, start=None, limit=50)
    assert len(candles) == 50
    assert all(later.open_at - earlier.open_at == M15.ms for earlier, later in pairwise(candles))
    assert all(candle.closed is None for candle in candles)
    assert candles[-1].open_at <= place.now()


async def test_pages_follow_each_other_without_a_hole_up_to_the_newest(place: Place) -> None:
    """The last candle may be forming, which nothing says: `closed` is None for all of them."""
    start = (await place.feed.candles(BTC, M15, start=None, limit=40))[0].open_at
    found: list[Candle] = []
    while page := await place.feed.candles(BTC, M15, start=start, limit=7):
        assert len(page) <= 7
        found += page
        start = Instant(page[-1].open_at + M15.ms)
    assert all(later.open_at - earlier.open_at == M15.ms for earlier, later in pairwise(found))
    assert found == list(await place.feed.candles(BTC, M15, start=None, limit=40))
    assert place.now() - 2 * M15.ms <= found[-1].open_at <= place.now()


async def test_after_the_newest_candle_there_is_none(place: Place) -> None:
    assert await place.feed.candles(BTC, M15, start=Instant(place.now() + M15.ms), limit=5) == []


async def test_every_price_of_a_candle_is_on_the_tick_of_its_contract(place: Place) -> None:
    [tick] = [instrument.tick for instrument in await place.feed.instruments() if instrument.symbol == BTC]
    candles = await place.feed.candles(BTC, M15, start=None, limit=100)
    assert [off_tick(candle, tick) for candle in candles] == [None] * 100


async def test_a_venue_that_goes_dark_raises_transient_and_is_told_as_down_and_up(place: Place) -> None:
    async with watching(place) as heard:
        await place.goes_dark()
        for question in (place.feed.candles(BTC, M15, start=None, limit=1), place.feed.instruments()):
            with pytest.raises(Transient):
                await question
        await place.comes_back()
        await lines(heard, FeedUp, FeedDown, FeedUp)
        assert len(await place.feed.candles(BTC, M15, start=None, limit=1)) == 1


async def test_what_closes_while_the_venue_is_dark_is_had_over_rest_and_not_on_the_stream(place: Place) -> None:
    async with watching(place) as heard:
        opened = Instant(place.now() - place.now() % M15.ms)
        await place.goes_dark()
        await place.passes(opened + M15.ms - place.now())
        await place.comes_back()
        await lines(heard, FeedUp, FeedDown, FeedUp)
        await place.passes(M15.ms)
        await price_at(heard, place.now())
        asked = await place.feed.candles(BTC, M15, start=opened, limit=2)
    told = [event.candle.open_at for event in heard if isinstance(event, CandleClosedFrame)]
    assert told == [opened + M15.ms]
    assert [candle.open_at for candle in asked] == [opened, opened + M15.ms]


async def test_candles_from_a_start_begin_there(place: Place) -> None:
    newest = (await place.feed.candles(BTC, M15, start=None, limit=20))[0].open_at
    candles = await place.feed.candles(BTC, M15, start=newest, limit=5)
    assert [candle.open_at for candle in candles] == [newest + n * M15.ms for n in range(5)]


async def test_a_closed_candle_is_told_once_before_the_price_of_its_close(place: Place) -> None:
    async with watching(place) as heard:
        assert isinstance(heard[0], FeedUp)
        opened = Instant(place.now() - place.now() % M15.ms)
        await place.passes(opened + M15.ms - place.now())
        await price_at(heard, place.now())
    closed = [event for event in heard if isinstance(event, CandleClosedFrame)]
    assert [(e.candle.open_at, e.candle.closed, e.at) for e in closed] == [(opened, True, opened + M15.ms)]
    last = next(n for n, event in enumerate(heard) if isinstance(event, PriceFrame) and event.at >= opened + M15.ms)
    assert heard.index(closed[0]) < last


async def test_a_candle_of_the_stream_is_the_candle_of_rest(place: Place) -> None:
    async with watching(place) as heard:
        await place.passes(2 * M15.ms)
        await price_at(heard, place.now())
    told = [event.candle for event in heard if isinstance(event, CandleClosedFrame)]
    asked = await place.feed.candles(BTC, M15, start=told[0].open_at, limit=len(told))
    assert [(c.open_at, c.open, c.high, c.low, c.close, c.volume) for c in told] == [
        (c.open_at, c.open, c.high, c.low, c.close, c.volume) for c in asked
    ]


async def test_a_price_is_told_at_the_end_of_every_step_also_when_nothing_moved(place: Place) -> None:
    async with watching(place) as heard:
        for _ in range(3):
            await place.passes(MINUTE_MS)
            await price_at(heard, place.now())
    moments = [event.at for event in heard if isinstance(event, PriceFrame)]
    assert moments == sorted(moments)
    assert isinstance(heard[-1], PriceFrame)
    assert heard[-1].last == place.price()


async def test_a_symbol_that_was_not_asked_for_is_not_told(place: Place) -> None:
    async with watching(place) as heard:
        await place.passes(M15.ms)
        await price_at(heard, place.now())
    symbols: set[Symbol] = {event.symbol for event in heard if isinstance(event, PriceFrame)}
    assert symbols == {BTC}
