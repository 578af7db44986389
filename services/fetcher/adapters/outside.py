"""What a fetcher needs of the outside: the bus, the leases, a venue, files, and the board where the universe stands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Final

from libs.common.budget.redis_budget import RedisBudget
from libs.common.bus import Bus
from libs.common.bus.limits import BusLimits
from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import Clock
from libs.common.exchange import MarketFeed
from libs.common.exchange.ccxt_feed import CcxtFeed
from libs.common.exchange.endpoints import endpoint
from libs.common.locks import Leases
from libs.common.locks.redis_locks import RedisLeases
from services.fetcher.adapters.candle_files import CandleFiles, is_empty
from services.fetcher.adapters.filing.process import FilingProcess
from services.fetcher.adapters.universe_board import Board, RedisBoard
from services.fetcher.settings import FetcherSettings

READS_S: Final = 60.0
PATIENCE: Final = 10  # of a writer: a start waits for what is read, nobody for what is written
WRITES_S: Final = 600.0  # the merge of a day of hundreds of symbols, behind those of other fetchers


@dataclass(frozen=True, slots=True)
class Outside:
    bus: Bus
    leases: Leases
    feed: MarketFeed
    board: Board
    files: CandleFiles


@asynccontextmanager
async def open_outside(settings: FetcherSettings, clock: Clock) -> AsyncIterator[Outside]:
    """Connect to Redis and to the venue; leaving the block lets go of both."""
    url, prefix, name = settings.redis.url.get_secret_value(), settings.redis.prefix, settings.instance
    folder = settings.service.home / "candles" / "live"
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
        RedisBoard.connect(url, prefix=prefix) as board,
        FilingProcess(folder, clock, answers_within_s=READS_S) as reading,
        FilingProcess(folder, clock, answers_within_s=WRITES_S, niceness=PATIENCE) as writing,
    ):
        if not is_empty(folder):
            await reading.start()
        feed = CcxtFeed(endpoint(settings.exchange, settings.ports), clock, dice, budget)
        try:
            yield Outside(bus, leases, feed, board, CandleFiles(folder, reading, writing))
        finally:
            await feed.close()
