"""The venues that every behaviour of a port is tried at: in memory, and the paper exchange through ccxt."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Protocol

import pytest

from libs.common.budget.local import LocalBudget
from libs.common.clock import SystemClock
from libs.common.exchange import MarketFeed, Trading
from libs.common.exchange.ccxt_feed import CcxtFeed
from libs.common.exchange.ccxt_trading import CcxtTrading
from libs.common.exchange.memory import MemoryVenue, instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import HOUR_MS, Instant, Price, Symbol, Timeframe
from tests.support.paper_venue import KEY, SECRET, PaperVenue, paper_venue
from tests.support.venue_candles import MORNING, venue_candle

BTC = Symbol("BTCUSDT")


class Place(Protocol):
    """A venue, and what the market there does."""

    trading: Trading
    feed: MarketFeed

    @property
    def begun(self) -> Instant:
        """Market time before which nothing was traded."""
        ...

    def now(self) -> Instant:
        """Market time."""
        ...

    def price(self) -> Price: ...

    async def passes(self, ms: int) -> None:
        """Let market time pass; candles close, and prices are told at the end of it."""
        ...

    async def reaches(self, price: Price) -> None:
        """Let the market go on until it has been at `price` or beyond."""
        ...

    async def settles_funding(self) -> None: ...

    async def goes_dark(self) -> None:
        """Cut whoever listens to the market, tell nothing more, and answer no question about it."""
        ...

    async def comes_back(self) -> None: ...


class MemoryPlace:
    def __init__(self) -> None:
        self.venue = MemoryVenue(SystemClock(), [instrument("BTCUSDT"), instrument("ETHUSDT")], market=MORNING)
        self.trading: Trading = self.venue
        self.feed: MarketFeed = self.venue
        self.begun = MORNING
        self.venue.put_candles(*(venue_candle(n) for n in range(-200, 0)))
        self.venue.set_price(BTC, "100000")

    def now(self) -> Instant:
        return self.venue.books.now

    def price(self) -> Price:
        return self.venue.books.prices[BTC]

    async def passes(self, ms: int) -> None:
        before = self.venue.books.now
        now = self.venue.pass_market(ms)
        length = Timeframe.M15.ms
        for open_at in range(before - before % length, now - length + 1, length):
            self.venue.close_candle(venue_candle((open_at - MORNING) // length))
        self.venue.push_price(BTC)

    async def reaches(self, price: Price) -> None:
        self.venue.set_price(BTC, str(price))

    async def settles_funding(self) -> None:
        self.venue.settle_funding(BTC, "0.0001")

    async def goes_dark(self) -> None:
        self.venue.drop_feed()
        self.venue.fail_reads(10**6)

    async def comes_back(self) -> None:
        self.venue.fail_reads(0)
        self.venue.restore_feed()


class PaperPlace:
    def __init__(self, venue: PaperVenue, trading: CcxtTrading, feed: CcxtFeed) -> None:
        self.venue = venue
        self.trading: Trading = trading
        self.feed: MarketFeed = feed

    @property
    def begun(self) -> Instant:
        return self.venue.world.market.start

    def now(self) -> Instant:
        return self.venue.world.now

    def price(self) -> Price:
        return Price(self.venue.price(BTC))

    async def passes(self, ms: int) -> None:
        await self.venue.steps(ms)

    async def reaches(self, price: Price) -> None:
        began = self.price()
        for _ in range(24 * 14):
            before = self.now()
            await self.venue.steps(HOUR_MS)
            seen = [tick.price for tick in self.venue.world.market.path(before, self.now()) if tick.symbol == BTC]
            if max(seen) >= price > began or min(seen) <= price < began:
                return
        raise AssertionError(f"the market never came to {price}")

    async def settles_funding(self) -> None:
        await self.venue.steps(8 * HOUR_MS)

    async def goes_dark(self) -> None:
        for endpoint in ("market/kline", "market/instruments-info", "market/tickers"):
            await self.venue.fault("http_error", endpoint=endpoint, times=10**6)
        await self.venue.fault("drop_frames", stream="public", times=10**6)
        await self.venue.fault("disconnect", stream="public")

    async def comes_back(self) -> None:
        answer = await self.venue.http.delete("/paper/v1/faults")
        assert answer.status_code == 200, answer.text


@pytest.fixture(params=["memory", "paper"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "memory":
        yield MemoryPlace()
        return
    async with AsyncExitStack() as stack:
        venue = await stack.enter_async_context(paper_venue(tmp_path, balance="500"))
        clock = SystemClock()
        trading = CcxtTrading(venue.endpoint, clock, Random(1), key=KEY, secret=SECRET)
        feed = CcxtFeed(venue.endpoint, clock, Random(1), LocalBudget(clock, Random(1)))
        stack.push_async_callback(trading.close)
        stack.push_async_callback(feed.close)
        yield PaperPlace(venue, trading, feed)


def below(price: Price, part: str) -> Price:
    """`part` of a price, on the tick."""
    return Price((price * Decimal(part)).quantize(Decimal("0.1")))


def side_of(action: Action) -> int:
    return 1 if action is Action.BUY else -1
