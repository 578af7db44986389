"""A whole executor over memory: a venue that misbehaves as told, a bus, locks, a ledger on disk, and a clock."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from libs.common.bus import Delivery
from libs.common.bus.memory import MemoryBus, MemoryServer
from libs.common.clock import VirtualClock
from libs.common.contracts.message import Message
from libs.common.contracts.signals import SignalMade
from libs.common.contracts.trades import TradeClosed
from libs.common.exchange.memory import MemoryVenue, instrument
from libs.common.health import Health
from libs.common.locks.memory import MemoryLocks, MemoryLockServer
from libs.common.units import MINUTE_MS, Fraction, Instant, Price, Side, Symbol
from services.executor.adapters.ledger import Ledger
from services.executor.core.commit_points import go_on
from services.executor.core.intent import Intent
from services.executor.core.kept import Kept, PositionStatus
from services.executor.core.protections import Limits
from services.executor.core.sizing import Risk
from services.executor.service import Executor
from services.executor.shell.desk import Desk, Figures
from tests.support import builders

BTC, ETH, SOL = Symbol("BTCUSDT"), Symbol("ETHUSDT"), Symbol("SOLUSDT")
SLOT = builders.SLOT
WALL = Instant(1_800_000_000_000)


class Dies(BaseException):
    """The process is gone: nothing may catch this."""


def dies_at(point: str, *, times: int = 1) -> Callable[[str], None]:
    """A process that dies when it reaches this commit point."""
    left = [times]

    def reached(name: str) -> None:
        if name == point:
            left[0] -= 1
            if left[0] == 0:
                raise Dies(point)

    return reached


def figures(home: Path, **said: Any) -> Figures:
    return replace(
        Figures(
            risk=Risk(Fraction(Decimal("0.01")), Fraction(Decimal(2)), Fraction(Decimal(5)), 5),
            limits=Limits(30 * MINUTE_MS, Fraction(Decimal("0.10"))),
            home=home,
            stop_interval_ms=0,
        ),
        **said,
    )


@dataclass
class Room:
    """Everything that outlives an executor: the venue, Redis, the ledger's database, and time."""

    home: Path
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(WALL))
    server: MemoryServer = field(default_factory=MemoryServer)
    balance: str = "1000"
    ledger_url: str = ""
    more: tuple[Symbol, ...] = ()  # listed too, at 100
    venue: MemoryVenue = field(init=False)
    locks: MemoryLockServer = field(init=False)

    def __post_init__(self) -> None:
        listed = [instrument("BTCUSDT"), instrument("ETHUSDT", tick="0.01"), instrument("SOLUSDT", tick="0.01")]
        listed += [instrument(symbol, tick="0.01") for symbol in self.more]
        self.venue = MemoryVenue(self.clock, listed, balance=self.balance, market=SLOT)
        self.locks = MemoryLockServer(self.clock)
        self.venue.set_price(BTC, "100000", at=SLOT)
        self.venue.set_price(ETH, "4000", at=SLOT)
        self.venue.set_price(SOL, "200", at=SLOT)
        for symbol in self.more:
            self.venue.set_price(symbol, "100", at=SLOT)

    def executor(self, instance: str = "executor", *, reached: Callable[[str], None] = go_on, **said: Any) -> "Running":
        bus = MemoryBus(server=self.server, service="executor", instance=instance, clock=self.clock)
        desk = Desk(
            self.venue,
            Ledger.open(self.ledger_url, home=self.home),
            MemoryLocks(self.locks),
            self.clock,
            figures(self.home, **said),
            instance,
            Health("executor", instance),
            reached=reached,
        )
        return Running(self, Executor(desk, bus), bus)

    def told(self, schema: type[Message]) -> list[Message]:
        """Every message of a schema that ever reached its stream."""
        stream = self.server.streams.get(schema.stream(), [])
        return [m for m in (entry.message() for entry in stream) if isinstance(m, schema)]

    def trades(self) -> dict[str, TradeClosed]:
        return {m.trade_id: m for m in self.told(TradeClosed) if isinstance(m, TradeClosed)}

    def created(self, symbol: Symbol = BTC) -> list[str]:
        """Link ids of orders that the venue really has."""
        return [o.link_id for o in self.venue.books.orders.values() if o.symbol == symbol and o.link_id]


def signal(
    symbol: Symbol = BTC, side: Side = Side.LONG, *, price: str = "100000", n: int = 0, **said: Any
) -> SignalMade:
    value = Decimal(price)
    decision = builders.decision(price=Price(value), atr=Price(value / 100))
    return builders.signal(symbol, n, side=side, decision=decision, **said)


@dataclass
class Running:
    """One executor process."""

    room: Room
    executor: Executor
    bus: MemoryBus
    ears: "asyncio.Task[None] | None" = None

    @property
    def desk(self) -> Desk:
        return self.executor.desk

    async def starts(self) -> "Running":
        """Recover, without the loops that follow."""
        await self.executor.recover(self.executor.begin())
        await self.tells()
        return self

    async def ready(self) -> "Running":
        """Recover, with every leverage set: its next request is an order."""
        await self.starts()
        self.executor.entries._levered.update({BTC, ETH})
        return self

    @asynccontextmanager
    async def serving(self) -> "AsyncIterator[Running]":
        """Run with all of its loops meanwhile, from two seconds after its start."""
        task = asyncio.create_task(self.executor.run())
        try:
            await self.passes(2)
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def passes(self, seconds: float) -> None:
        """Let wall time pass for everything that runs."""
        for _ in range(int(seconds * 20)):
            await self.settled()
            self.room.clock.advance(0.05)
        await self.settled()

    async def tells(self) -> None:
        while await self.executor.outbox.publish():
            pass

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Follow the private stream meanwhile."""
        self.ears = asyncio.create_task(self.executor.watch.venue())
        try:
            await self.settled()
            yield
        finally:
            ears, self.ears = self.ears, None
            ears.cancel()
            await asyncio.gather(ears, return_exceptions=True)

    async def settled(self) -> None:
        """Let every task run until only the clock could wake one."""
        for _ in range(60):
            await asyncio.sleep(0)
            if self.ears is not None and self.ears.done():
                self.ears.result()  # what kills one task kills the process

    async def gets(self, *messages: Message, seconds: float = 30) -> None:
        """Handle signals and commands one after the other; wall time passes while something waits for it."""
        for message in messages:
            await self.waits_for(self.executor.handle(Delivery(message.stream(), "1-0", message)), seconds=seconds)
        await self.settled()
        await self.tells()

    async def waits_for(self, work: Any, *, seconds: float = 30) -> Any:
        """Run `work`, letting wall time pass in steps of 50 ms whenever it waits."""
        task = asyncio.ensure_future(work)
        try:
            for _ in range(int(seconds * 20)):
                await self.settled()
                if task.done():
                    break
                self.room.clock.advance(0.05)
            assert task.done(), f"{work} does not end within {seconds} s of wall time"
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def looks_round(self) -> None:
        await self.waits_for(self.executor.look_round())
        await self.tells()

    async def guards(self) -> None:
        """Judge the stops, and carry exits on."""
        await self.waits_for(self.executor.guard())
        await self.waits_for(self.executor.leave())
        await self.tells()

    def open(self, symbol: Symbol = BTC) -> Kept | None:
        with self.desk.ledger.read() as pages:
            return pages.open_position(symbol)

    def opened(self, symbol: Symbol = BTC) -> Kept:
        kept = self.open(symbol)
        assert kept is not None, f"{symbol} is flat"
        return kept

    def live(self) -> list[Intent]:
        """Orders that are not at their end."""
        with self.desk.ledger.read() as pages:
            return list(pages.live_intents())

    def positions(self) -> list[Kept]:
        with self.desk.ledger.read() as pages:
            return list(pages.positions(PositionStatus.OPEN))

    def reviews(self) -> list[Symbol]:
        """What waits for a person."""
        with self.desk.ledger.read() as pages:
            return sorted(pages.reviews())

    def declined(self) -> list[str]:
        with self.desk.ledger.read() as pages:
            return [str(row["rule"]) for row in pages.declined()]
