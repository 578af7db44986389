"""What a fetcher needs of the outside: the bus, the leases, a venue, and the market that it lists."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import structlog

from libs.common.budget.redis_budget import RedisBudget
from libs.common.bus import Bus
from libs.common.bus.limits import BusLimits
from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import Clock
from libs.common.errors import Refused, Transient
from libs.common.exchange import MarketFeed
from libs.common.exchange.ccxt_feed import CcxtFeed
from libs.common.exchange.endpoints import endpoint
from libs.common.health import Health
from libs.common.locks import Leases
from libs.common.locks.redis_locks import RedisLeases
from libs.common.retry import backoff
from libs.common.units import Instant, Symbol
from services.fetcher.adapters.universe_file import settle
from services.fetcher.core.shares import universe
from services.fetcher.settings import FetcherSettings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outside:
    bus: Bus
    leases: Leases
    feed: MarketFeed


@dataclass(frozen=True, slots=True)
class Listing:
    """universe: what the fetchers share; launched: every symbol that could be fetched, with its first moment."""

    universe: tuple[Symbol, ...]
    launched: dict[Symbol, Instant]


@asynccontextmanager
async def open_outside(settings: FetcherSettings, clock: Clock) -> AsyncIterator[Outside]:
    """Connect to Redis and to the venue; leaving the block lets go of both."""
    url, prefix, name = settings.redis.url.get_secret_value(), settings.redis.prefix, settings.instance
    dice = Random(name)  # noqa: S311 spreads reconnects, guards nothing
    async with (
        RedisBudget.connect(url, prefix=prefix, clock=clock, dice=dice) as budget,
        RedisBus.connect(
            url,
            prefix=prefix,
            service="fetcher",
            instance=name,
            cursors=settings.service.home / "cursors",
            clock=clock,
            limits=BusLimits(series_length=settings.fetcher.history),
        ) as bus,
        RedisLeases.connect(url, prefix=prefix, service="fetcher", instance=name, clock=clock) as leases,
    ):
        feed = CcxtFeed(endpoint(settings.exchange, settings.ports), clock, dice, budget)
        try:
            yield Outside(bus, leases, feed)
        finally:
            await feed.close()


async def see_market(
    feed: MarketFeed, wish: tuple[str, ...] | str, home: Path, health: Health, clock: Clock
) -> Listing:
    """Wait for the venue and choose the symbols, once for a home; raises Misconfigured for one that is not listed."""
    for wait in backoff(first=0.25, ceiling=5.0):
        health.wait_for("venue")
        try:
            listed = await feed.instruments()
            names = universe(wish, listed, await feed.tickers())
        except (Transient, Refused) as error:
            log.warning("venue.silent", reason=str(error))
            health.wait_for("venue", str(error))
            await clock.sleep(wait)
            continue
        launched = {instrument.symbol: instrument.launched for instrument in listed}
        if isinstance(wish, str):
            names = settle(home / "universe.json", wish, names, launched.keys())
        health.wait_for("history")
        health.done_with("venue")
        log.info("market.seen", symbols=len(names), listed=len(launched))
        return Listing(names, launched)
    raise AssertionError("the schedule never ends")
