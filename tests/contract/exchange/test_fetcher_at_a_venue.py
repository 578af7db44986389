"""A whole fetcher at a venue that goes dark, misprints and delists: in memory, and the paper exchange through ccxt."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from libs.common.budget.local import LocalBudget
from libs.common.bus.memory import MemoryServer
from libs.common.clock import SystemClock
from libs.common.contracts.registry import encode
from libs.common.exchange import MarketFeed
from libs.common.exchange.ccxt_feed import CcxtFeed
from libs.common.exchange.market_types import Candle
from libs.common.locks.memory import MemoryLockServer
from libs.common.units import DAY_MS, Instant, Symbol
from services.fetcher.core.candles import closed_of
from services.paper_exchange.adapters.markets.replay import replay_market
from tests.contract.exchange.conftest import BTC, Place
from tests.support import builders
from tests.support.fetchers import M15, Ground, Replica, announced, given_up, named, stored
from tests.support.panels import make_panel
from tests.support.paper_venue import PaperVenue, paper_venue
from tests.support.venue_candles import as_message
from tests.support.waiting import eventually

HISTORY = 50

pytestmark = pytest.mark.timeout(120)


@dataclass
class Watch:
    """One fetcher, and the venue's own word for what it has to tell."""

    replica: Replica
    redis: MemoryServer
    feed: MarketFeed

    async def until_stored(self, symbol: Symbol, close_at: Instant) -> None:
        """Wait until a series ends with the candle that closed then."""

        async def is_there() -> bool:
            self.lives()
            return [candle.close_at for candle in stored(self.redis, symbol)[-1:]] == [close_at]

        await eventually(is_there, within_s=40)

    def lives(self) -> None:
        if self.replica.running.done():
            self.replica.running.result()

    async def is_ready(self) -> bool:
        self.lives()
        return self.replica.health.ready

    async def has_told_the_venues(self, symbol: Symbol, since: Instant, now: Instant) -> None:
        """What was announced is what the venue shows from `since` on, each once and in order."""
        venue: Sequence[Candle] = await self.feed.candles(symbol, M15, start=since, limit=1_000)
        told = [each.model_copy(update={"sent": 0, "source": ""}) for each in announced(self.redis, symbol)]
        assert told == [as_message(candle) for candle in closed_of(venue, now)]


@asynccontextmanager
async def watch(feed: MarketFeed, home: Path, *symbols: Symbol) -> AsyncIterator[Watch]:
    """Let a fetcher load the history of these symbols."""
    clock = SystemClock()
    redis, locks = MemoryServer(), MemoryLockServer(clock)
    replica = await Ground(home, clock, redis, locks, {}, HISTORY).starts("fetcher", feed, named(*symbols))
    try:
        yield Watch(replica, redis, feed)
    finally:
        await replica.ends()


def opened(now: Instant) -> Instant:
    """When the candle that is forming did."""
    return Instant(now - now % M15.ms)


async def loaded(place: Place, watched: Watch) -> None:
    """Wait until the fetcher is ready; prices come with every step of the market, however short."""

    async def is_ready() -> bool:
        await place.passes(1)
        return await watched.is_ready()

    await eventually(is_ready, within_s=40)


async def test_what_closed_while_the_venue_was_dark_is_told_in_order_when_it_is_back(
    place: Place, tmp_path: Path
) -> None:
    async with watch(place.feed, tmp_path / "fetcher", BTC) as watched:
        await loaded(place, watched)
        began = opened(place.now())
        await place.passes(M15.ms)
        await watched.until_stored(BTC, opened(place.now()))

        await place.goes_dark()
        for _ in range(4):
            await place.passes(M15.ms)

        await place.comes_back()
        await place.passes(1)
        await watched.until_stored(BTC, opened(place.now()))
        await place.passes(M15.ms)
        await watched.until_stored(BTC, opened(place.now()))

        await watched.has_told_the_venues(BTC, began, place.now())
        assert len(announced(watched.redis, BTC)) == 6
        assert given_up(watched.redis) == []


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[PaperVenue]:
    async with paper_venue(tmp_path / "venue", limits=False) as venue:
        yield venue


@asynccontextmanager
async def through_ccxt(venue: PaperVenue) -> AsyncIterator[CcxtFeed]:
    clock = SystemClock()
    feed = CcxtFeed(venue.endpoint, clock, Random(1), LocalBudget(clock, Random(1)))
    try:
        yield feed
    finally:
        await feed.close()


@pytest.mark.parametrize(
    "misfortunes",
    [
        [{"rule": "drop_frames", "topic": "kline", "probability": 0.5, "seed": 7}],
        [{"rule": "duplicate_frames", "topic": "kline", "times": 100}],
        [{"rule": "reorder_frames", "topic": "kline", "probability": 0.5, "seed": 7}],
        [{"rule": "delay_frames", "stream": "public", "delay_ms": 300, "probability": 0.3, "seed": 7}],
        [{"rule": "lose_request", "endpoint": "market/kline", "probability": 0.5, "seed": 7}],
        [
            {"rule": "drop_frames", "topic": "kline", "probability": 0.5, "seed": 8},
            {"rule": "unreadable", "endpoint": "market/kline", "probability": 0.5, "seed": 8},
            {"rule": "http_error", "endpoint": "market/kline", "probability": 0.3, "seed": 8},
        ],
    ],
    ids=lambda rules: " ".join(str(rule["rule"]) for rule in rules),
)
async def test_whatever_befalls_frames_and_answers_the_venues_candles_are_told(
    venue: PaperVenue, tmp_path: Path, misfortunes: list[dict[str, Any]]
) -> None:
    symbols = [instrument.symbol for instrument in venue.world.market.instruments]
    async with through_ccxt(venue) as feed, watch(feed, tmp_path / "fetcher", *symbols) as watched:
        await venue.steps(1)
        await eventually(watched.is_ready, within_s=40)
        began = opened(venue.world.now)
        for misfortune in misfortunes:
            await venue.fault(**misfortune)
        for n in range(6):
            await venue.steps(M15.ms)
            if n == 3:
                await venue.fault("disconnect", stream="public")
        await venue.http.delete("/paper/v1/faults")
        await venue.steps(1)
        for symbol in symbols:
            await watched.until_stored(symbol, opened(venue.world.now))
            await watched.has_told_the_venues(symbol, began, venue.world.now)
        assert given_up(watched.redis) == []


@pytest.mark.parametrize("is_held", [True, False])
async def test_a_symbol_that_is_delisted_is_told_to_its_end_and_holds_nobody_up(tmp_path: Path, is_held: bool) -> None:
    """Its name would have the venue refuse the next connection, and its candles would be asked for for ever."""
    panel = make_panel(tmp_path / "panel", days=4)
    ended = Symbol("SOLUSDT")
    file = panel.directory / f"{ended}-15m.parquet"
    pq.write_table(pq.read_table(file).slice(0, 3 * 96), file)
    market = replay_market(
        panel.directory, symbols=("BTCUSDT", ended), start=Instant(panel.last - DAY_MS - 3 * M15.ms), end=None
    )
    async with (
        paper_venue(tmp_path / "venue", market) as venue,
        through_ccxt(venue) as feed,
        watch(feed, tmp_path / "fetcher", BTC, ended) as watched,
    ):
        await venue.steps(1)
        await eventually(watched.is_ready, within_s=40)
        fetcher, held = watched.replica.fetcher, frozenset({ended} if is_held else ())
        positions = tuple(builders.open_position(symbol=symbol) for symbol in held)
        watched.redis.add("position", *encode(builders.position_snapshot(positions=positions)))
        began = opened(venue.world.now)
        for _ in range(6):
            await venue.steps(M15.ms)
        await watched.until_stored(BTC, opened(venue.world.now))

        async def is_found_out() -> bool:
            watched.lives()
            return (fetcher.share, fetcher.ended, fetcher.series.is_complete) == (held | {BTC}, held, True)

        await eventually(is_found_out, within_s=40)
        await venue.fault("disconnect", stream="public")
        await venue.steps(M15.ms)
        await watched.until_stored(BTC, opened(venue.world.now))
        await venue.steps(M15.ms)
        await watched.until_stored(BTC, opened(venue.world.now))

        assert [candle.close_at for candle in announced(watched.redis, ended)][-1] == panel.last - DAY_MS
        await watched.has_told_the_venues(ended, began, venue.world.now)
        await watched.has_told_the_venues(BTC, began, venue.world.now)
        assert given_up(watched.redis) == []
        assert watched.replica.health.ready

        async def has_reached() -> bool:
            return watched.replica.health.market_ms == venue.world.now

        await eventually(has_reached)
