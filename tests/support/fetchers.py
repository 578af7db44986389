"""A whole fetcher over any venue, with Redis and leases in memory: what it told, and what it stored."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from libs.common.bus.limits import BusLimits
from libs.common.bus.memory import MemoryBus, MemoryServer
from libs.common.clock import Clock
from libs.common.contracts.market import CandleClosed, CandleMissing
from libs.common.contracts.message import Message
from libs.common.contracts.registry import decode
from libs.common.errors import Transient
from libs.common.exchange import MarketFeed
from libs.common.health import Health
from libs.common.locks.memory import MemoryLeases, MemoryLockServer
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.adapters.candle_files import CandleFiles
from services.fetcher.adapters.choosing import Choosing
from services.fetcher.adapters.gateway import Gateway
from services.fetcher.adapters.outside import Outside
from services.fetcher.adapters.universe_board import MemoryBoard
from services.fetcher.adapters.universe_file import UniverseFile
from services.fetcher.core.choice import Terms
from services.fetcher.service import Fetcher
from tests.support.filing import files_in

M15: Final = Timeframe.M15
STALE_MS: Final = 30_000


def named(*symbols: Symbol) -> Terms:
    """Wish for these symbols, whatever they are like."""
    return Terms(symbols, 0, Decimal(0), Decimal(0), Decimal(0))


class FailingBus(MemoryBus):
    """A bus that reads a series `fails_after` times, then fails once."""

    fails_after: int | None = None

    async def series(
        self, symbol: Symbol, timeframe: Timeframe, *, since: Instant = Instant(0), newest: int | None = None
    ) -> Sequence[CandleClosed]:
        if self.fails_after is not None:
            left, self.fails_after = self.fails_after, self.fails_after - 1 if self.fails_after else None
            if not left:
                raise Transient("scripted: the series was not read")
        return await super().series(symbol, timeframe, since=since, newest=newest)


@dataclass
class Replica:
    """One running fetcher."""

    health: Health
    fetcher: Fetcher
    files: CandleFiles
    bus: FailingBus
    running: asyncio.Task[None]

    async def ends(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


@dataclass(frozen=True)
class Ground:
    """What the fetchers of one test stand on. history: candles a series at first."""

    home: Path
    clock: Clock
    redis: MemoryServer
    locks: MemoryLockServer
    board: dict[str, bytes]
    history: int
    price_interval_ms: int = 100

    async def starts(self, name: str, feed: MarketFeed, terms: Terms) -> Replica:
        """Fetch candles of a quarter of an hour of what is chosen, as soon as the venue has said what it lists."""
        limits = BusLimits(series_length=5 * self.history)
        bus = FailingBus(server=self.redis, service="fetcher", instance=name, clock=self.clock, limits=limits)
        leases, health = MemoryLeases(self.locks, service="fetcher", instance=name), Health("fetcher", name)
        files = files_in(self.home / "candles" / "live")
        outside = Outside(bus, leases, feed, MemoryBoard(self.board), files)
        choosing = Choosing(terms, feed, outside.board, UniverseFile(self.home), health, self.clock)
        fetcher = Fetcher(await choosing.begin(), (M15,), self.history, STALE_MS)
        gateway = Gateway(fetcher, choosing, outside, health, self.clock, self.price_interval_ms)
        return Replica(health, fetcher, files, bus, asyncio.create_task(gateway.run()))


def messages(redis: MemoryServer, stream: str) -> list[Message]:
    return [decode(entry.fields[b"t"], entry.fields[b"m"]) for entry in redis.streams.get(stream, [])]


def announced(redis: MemoryServer, symbol: Symbol) -> list[CandleClosed]:
    """The candles of a symbol that everybody was told of, in order."""
    return [m for m in messages(redis, "candle") if isinstance(m, CandleClosed) and m.symbol == symbol]


def given_up(redis: MemoryServer) -> list[CandleMissing]:
    return [m for m in messages(redis, "candle") if isinstance(m, CandleMissing)]


def stored(redis: MemoryServer, symbol: Symbol) -> list[CandleClosed]:
    return redis.series.get(f"candles:{symbol}:15m", [])
