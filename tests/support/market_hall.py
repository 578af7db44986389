"""Fetchers over one venue, one Redis and one clock, all in memory; the market does what the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from libs.common.bus.memory import MemoryServer
from libs.common.candle_days import read_series
from libs.common.candle_panel import times_of
from libs.common.clock import VirtualClock
from libs.common.contracts.market import CandlesLoaded, PriceMoved
from libs.common.contracts.registry import encode
from libs.common.exchange.memory import MemoryVenue, instrument
from libs.common.locks.memory import MemoryLockServer
from libs.common.units import Instant, Symbol
from tests.support import builders
from tests.support.fetchers import M15, Ground, Replica, announced, given_up, messages, stored
from tests.support.venue_candles import BTC, MORNING, closes_at, venue_candle

ETH = Symbol("ETHUSDT")
SYMBOLS = (BTC, ETH)


@dataclass
class MarketHall:
    """History of ten candles a symbol, or more, lies before MORNING; candle n closes at `closes_at(n)`."""

    home: Path
    price_interval_ms: int = 100
    symbols: tuple[Symbol, ...] = SYMBOLS
    history: int = 10
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(Instant(1_000_000)))
    redis: MemoryServer = field(default_factory=MemoryServer)
    replicas: dict[str, Replica] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.venue = MemoryVenue(self.clock, [instrument(symbol) for symbol in self.symbols], market=MORNING)
        self.locks = MemoryLockServer(self.clock)
        for symbol in self.symbols:
            self.venue.put_candles(*(venue_candle(n, symbol=symbol) for n in range(-self.history, 0)))
            self.venue.set_price(symbol, "1000")

    async def starts(self, name: str = "fetcher") -> Replica:
        """Start a fetcher; it sees prices as soon as it is connected."""
        ground = Ground(self.home, self.clock, self.redis, self.locks, self.history, self.price_interval_ms)
        replica = ground.starts(name, self.venue, dict.fromkeys(self.symbols, Instant(0)))
        self.replicas[name] = replica
        return replica

    async def dies(self, name: str) -> None:
        """The process is gone: nothing is given back, nothing more is said."""
        leases = dict(self.locks.owners)
        replica = self.replicas.pop(name)
        replica.files._waiting.clear()  # what was not written is gone
        await replica.ends()
        self.locks.owners.update(leases)

    async def stops(self, name: str) -> None:
        await self.replicas.pop(name).ends()

    async def until(self, is_true: Callable[[], bool], *, within_s: float = 60, priced: bool = True) -> None:
        """Let virtual time pass, with prices as they are or with none at all, until something is true."""
        for _ in range(int(within_s * 10)):
            for _ in range(30):
                await asyncio.sleep(0)
            if is_true():
                return
            for replica in self.replicas.values():
                if replica.running.done():
                    replica.running.result()
            await asyncio.to_thread(lambda: None)  # files are written in a thread
            self.clock.advance(0.1)
            for symbol in self.symbols if priced else ():
                self.venue.push_price(symbol)
        raise AssertionError(f"not within {within_s} s; told: {self.told()}, series: {self.series()}")

    async def loaded(self) -> None:
        await self.until(lambda: all(replica.health.ready for replica in self.replicas.values()))

    def closes(self, n: int, *, symbols: Iterable[Symbol] | None = None, heard: bool = True) -> None:
        """Let candle n of these symbols close, or of all; a frame that is not heard is lost on the way."""
        self.venue.books.now = closes_at(n)
        for symbol in self.symbols if symbols is None else symbols:
            if heard:
                self.venue.close_candle(venue_candle(n, symbol=symbol))
            else:
                self.venue.put_candles(venue_candle(n, symbol=symbol))

    def holds(self, *symbols: Symbol) -> None:
        """Let the executor say which positions are open, and no others."""
        positions = tuple(builders.open_position(symbol=symbol) for symbol in symbols)
        self.redis.add("position", *encode(builders.position_snapshot(positions=positions)))

    def told(self, symbol: Symbol = BTC) -> list[int]:
        """Which candles were announced, in order."""
        return [(m.open_at - MORNING) // M15.ms for m in announced(self.redis, symbol)]

    def missing(self) -> list[tuple[Symbol, int]]:
        return [(m.symbol, (m.open_at - MORNING) // M15.ms) for m in given_up(self.redis)]

    def said_loaded(self) -> list[tuple[Symbol, ...]]:
        return [m.loaded for m in messages(self.redis, "candle") if isinstance(m, CandlesLoaded)]

    def prices(self, symbol: Symbol = BTC) -> list[Decimal]:
        return [m.last for m in messages(self.redis, "price") if isinstance(m, PriceMoved) and m.symbol == symbol]

    def series(self, symbol: Symbol = BTC) -> list[int]:
        """Which candles are stored, in order."""
        return [(c.open_at - MORNING) // M15.ms for c in stored(self.redis, symbol)]

    def filed(self, symbol: Symbol = BTC) -> list[int]:
        """Which candles the files have, in order."""
        table = read_series(self.home / "candles" / "live", (symbol, M15))
        return [] if table is None else [(at - MORNING) // M15.ms for at in times_of(table)]


@asynccontextmanager
async def market_hall(
    home: Path, *, price_interval_ms: int = 100, symbols: tuple[Symbol, ...] = SYMBOLS, history: int = 10
) -> AsyncIterator[MarketHall]:
    hall = MarketHall(home, price_interval_ms, symbols, history)
    # one thread: waiting for it in `until` waits for every file that is being written, however slow the disk is
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))
    try:
        yield hall
    finally:
        for name in list(hall.replicas):
            await hall.stops(name)
