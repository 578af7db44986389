"""Fetchers over one venue, one Redis and one clock, all in memory; the market does what the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from libs.common.bus.limits import BusLimits
from libs.common.bus.memory import MemoryBus, MemoryServer
from libs.common.clock import VirtualClock
from libs.common.contracts.market import CandleClosed, CandleMissing, CandlesLoaded, PriceMoved
from libs.common.contracts.message import Message
from libs.common.contracts.registry import decode
from libs.common.errors import Transient
from libs.common.exchange.memory import MemoryVenue, instrument
from libs.common.health import Health
from libs.common.locks.memory import MemoryLeases, MemoryLockServer
from libs.common.units import MINUTE_MS, Instant, Symbol, Timeframe, Usd
from services.fetcher.adapters.candle_files import CandleFiles
from services.fetcher.adapters.choosing import Choosing
from services.fetcher.adapters.gateway import Gateway
from services.fetcher.adapters.outside import Outside
from services.fetcher.adapters.universe_board import MemoryBoard
from services.fetcher.adapters.universe_file import UniverseFile
from services.fetcher.core.choice import Terms, turn_of
from services.fetcher.service import Fetcher
from tests.support.venue_candles import BTC, MORNING, closes_at, venue_candle

ETH = Symbol("ETHUSDT")
SYMBOLS = (BTC, ETH)
M15 = Timeframe.M15
T = TypeVar("T")
NAMED = Terms(SYMBOLS, 0, Decimal(0), Decimal(0), Decimal(0))


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

    gateway: Gateway
    health: Health
    fetcher: Fetcher
    bus: FailingBus
    running: asyncio.Task[None] | None = None


@dataclass
class MarketHall:
    """History of ten candles a symbol lies before MORNING; candle n closes at `closes_at(n)`."""

    home: Path
    price_interval_ms: int = 100
    terms: Terms = NAMED
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(Instant(1_000_000)))
    redis: MemoryServer = field(default_factory=MemoryServer)
    board: dict[str, bytes] = field(default_factory=dict)
    replicas: dict[str, Replica] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.venue = MemoryVenue(self.clock, [instrument(symbol) for symbol in SYMBOLS], market=MORNING)
        self.locks = MemoryLockServer(self.clock)
        for symbol in SYMBOLS:
            self.has_history(symbol)

    def has_history(self, symbol: Symbol) -> None:
        self.venue.put_candles(*(venue_candle(n, symbol=symbol) for n in range(-10, 0)))
        self.venue.set_price(symbol, "1000")

    def lists(self, symbol: Symbol, *, turnover: int) -> None:
        """List a symbol that was traded for so much, or trade one for so much."""
        if symbol not in self.venue.books.instruments:
            self.venue.books.instruments[symbol] = instrument(symbol)
            self.has_history(symbol)
        self.venue.turnover[symbol] = Usd(Decimal(turnover))

    def delists(self, symbol: Symbol) -> None:
        """Nothing more is told of it, and nothing answered."""
        del self.venue.books.instruments[symbol]

    @property
    def turn(self) -> int:
        """Which market hour's choice is due."""
        return turn_of(self.venue.books.now)

    def passes(self, minutes: int) -> None:
        """Let the market be so many minutes past MORNING."""
        self.venue.books.now = Instant(MORNING + minutes * MINUTE_MS)

    async def starts(self, name: str = "fetcher") -> Replica:
        """Start a fetcher; it sees prices as soon as it is connected."""
        bus = FailingBus(
            server=self.redis, service="fetcher", instance=name, clock=self.clock, limits=BusLimits(series_length=50)
        )
        leases = MemoryLeases(self.locks, service="fetcher", instance=name)
        health = Health("fetcher", name)
        outside = Outside(bus, leases, self.venue, MemoryBoard(self.board))
        choosing = Choosing(self.terms, self.venue, outside.board, UniverseFile(self.home), health, self.clock)
        fetcher = Fetcher(await self.passing(choosing.begin()), (M15,), 10)
        files = CandleFiles(self.home / "candles" / "live")
        gateway = Gateway(fetcher, choosing, files, outside, health, self.clock, self.price_interval_ms)
        replica = Replica(gateway, health, fetcher, bus, asyncio.create_task(gateway.run()))
        self.replicas[name] = replica
        return replica

    async def passing(self, work: Coroutine[None, None, T]) -> T:
        """Let virtual time pass until `work` is done."""
        task = asyncio.create_task(work)
        while not task.done():
            await asyncio.to_thread(lambda: None)
            self.clock.advance(0.1)
        return task.result()

    async def dies(self, name: str) -> None:
        """The process is gone: nothing is given back, nothing more is said."""
        replica = self.replicas.pop(name)
        leases = dict(self.locks.owners)
        assert replica.running is not None
        replica.running.cancel()
        await asyncio.gather(replica.running, return_exceptions=True)
        self.locks.owners.update(leases)

    async def stops(self, name: str) -> None:
        replica = self.replicas.pop(name)
        assert replica.running is not None
        replica.running.cancel()
        await asyncio.gather(replica.running, return_exceptions=True)

    async def until(self, is_true: Callable[[], bool], *, within_s: float = 60, priced: bool = True) -> None:
        """Let virtual time pass, with prices as they are or with none at all, until something is true."""
        for _ in range(int(within_s * 10)):
            for _ in range(30):
                await asyncio.sleep(0)
            if is_true():
                return
            for replica in self.replicas.values():
                assert replica.running is not None
                if replica.running.done():
                    replica.running.result()
            await asyncio.to_thread(lambda: None)  # files are written in a thread
            self.clock.advance(0.1)
            for symbol in self.venue.books.instruments if priced else ():
                self.venue.push_price(symbol)
        raise AssertionError(f"not within {within_s} s; told: {self.told()}, series: {self.series()}")

    async def loaded(self) -> None:
        await self.until(lambda: all(replica.health.ready for replica in self.replicas.values()))

    def closes(self, n: int, *, symbols: tuple[Symbol, ...] = SYMBOLS, heard: bool = True) -> None:
        """Let candle n of these symbols close; a frame that is not heard is lost on the way."""
        self.venue.books.now = closes_at(n)
        for symbol in symbols:
            if heard:
                self.venue.close_candle(venue_candle(n, symbol=symbol))
            else:
                self.venue.put_candles(venue_candle(n, symbol=symbol))

    def messages(self, stream: str) -> list[Message]:
        return [decode(entry.fields[b"t"], entry.fields[b"m"]) for entry in self.redis.streams.get(stream, [])]

    def told(self, symbol: Symbol = BTC) -> list[int]:
        """Which candles were announced, in order."""
        return [
            (m.open_at - MORNING) // M15.ms
            for m in self.messages("candle")
            if isinstance(m, CandleClosed) and m.symbol == symbol
        ]

    def missing(self) -> list[tuple[Symbol, int]]:
        return [
            (m.symbol, (m.open_at - MORNING) // M15.ms) for m in self.messages("candle") if isinstance(m, CandleMissing)
        ]

    def said_loaded(self) -> list[tuple[Symbol, ...]]:
        return [m.loaded for m in self.messages("candle") if isinstance(m, CandlesLoaded)]

    def prices(self, symbol: Symbol = BTC) -> list[Decimal]:
        return [m.last for m in self.messages("price") if isinstance(m, PriceMoved) and m.symbol == symbol]

    def series(self, symbol: Symbol = BTC) -> list[int]:
        """Which candles are stored, in order."""
        return [(c.open_at - MORNING) // M15.ms for c in self.redis.series.get(f"candles:{symbol}:15m", [])]


@asynccontextmanager
async def market_hall(home: Path, *, price_interval_ms: int = 100, terms: Terms = NAMED) -> AsyncIterator[MarketHall]:
    hall = MarketHall(home, price_interval_ms, terms)
    # one thread: waiting for it in `until` waits for every file that is being written, however slow the disk is
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))
    try:
        yield hall
    finally:
        for name in list(hall.replicas):
            await hall.stops(name)
