"""A whole fetcher over any venue, with Redis and leases in memory: what it told, and what it stored."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from libs.common.bus.limits import BusLimits
from libs.common.bus.memory import MemoryBus, MemoryServer
from libs.common.clock import Clock
from libs.common.contracts.market import CandleClosed, CandleMissing
from libs.common.contracts.message import Message
from libs.common.contracts.registry import decode
from libs.common.exchange import MarketFeed
from libs.common.health import Health
from libs.common.locks.memory import MemoryLeases, MemoryLockServer
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.adapters.candle_files import CandleFiles
from services.fetcher.adapters.gateway import Gateway
from services.fetcher.adapters.outside import Outside
from services.fetcher.service import Fetcher

M15: Final = Timeframe.M15
STALE_MS: Final = 30_000


@dataclass
class Replica:
    """One running fetcher."""

    health: Health
    fetcher: Fetcher
    files: CandleFiles
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
    history: int
    price_interval_ms: int = 100

    def starts(self, name: str, feed: MarketFeed, launched: Mapping[Symbol, Instant]) -> Replica:
        """Fetch these symbols' candles of a quarter of an hour."""
        limits = BusLimits(series_length=5 * self.history)
        bus = MemoryBus(server=self.redis, service="fetcher", instance=name, clock=self.clock, limits=limits)
        leases, health = MemoryLeases(self.locks, service="fetcher", instance=name), Health("fetcher", name)
        fetcher = Fetcher(tuple(launched), dict(launched), (M15,), self.history, STALE_MS)
        files = CandleFiles(self.home / "candles" / "live")
        outside = Outside(bus, leases, feed)
        gateway = Gateway(fetcher, files, outside, health, self.clock, self.price_interval_ms)
        return Replica(health, fetcher, files, asyncio.create_task(gateway.run()))


def messages(redis: MemoryServer, stream: str) -> list[Message]:
    return [decode(entry.fields[b"t"], entry.fields[b"m"]) for entry in redis.streams.get(stream, [])]


def announced(redis: MemoryServer, symbol: Symbol) -> list[CandleClosed]:
    """The candles of a symbol that everybody was told of, in order."""
    return [m for m in messages(redis, "candle") if isinstance(m, CandleClosed) and m.symbol == symbol]


def given_up(redis: MemoryServer) -> list[CandleMissing]:
    return [m for m in messages(redis, "candle") if isinstance(m, CandleMissing)]


def stored(redis: MemoryServer, symbol: Symbol) -> list[CandleClosed]:
    return redis.series.get(f"candles:{symbol}:15m", [])
