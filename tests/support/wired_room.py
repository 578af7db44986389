"""A whole executor that trades over HTTP and WebSocket with the paper exchange, by the adapter that it has at Bybit."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from libs.common.bus.memory import MemoryBus, MemoryServer
from libs.common.clock import SystemClock
from libs.common.contracts.market import PriceMoved
from libs.common.contracts.message import Message
from libs.common.contracts.recovery import Phase
from libs.common.contracts.signals import SignalMade
from libs.common.contracts.trades import TradeClosed
from libs.common.exchange.ccxt_trading import CcxtTrading
from libs.common.exchange.trading_types import Action, ExecutionType, OrderRequest, Stamp
from libs.common.health import Health
from libs.common.ids import OrderLinkId
from libs.common.locks.memory import MemoryLocks, MemoryLockServer
from libs.common.units import Instant, Price, Qty, Symbol, Timeframe
from services.executor.adapters.ledger import Ledger
from services.executor.core.kept import Kept
from services.executor.core.order import OrderState
from services.executor.service import Executor
from services.executor.shell.desk import Desk
from services.executor.shell.entries import entry_name
from tests.support import builders
from tests.support.paper_venue import KEY, SECRET, PaperVenue, paper_venue
from tests.support.trading_room import figures
from tests.support.waiting import eventually

BTC = Symbol("BTCUSDT")
BALANCE = Decimal(100_000)
RECONCILE_S = 2

M = TypeVar("M", bound=Message)


@dataclass
class WiredRoom:
    """What outlives an executor. The market stands still but for `venue.steps`."""

    home: Path
    venue: PaperVenue
    stack: AsyncExitStack
    clock: SystemClock = field(default_factory=SystemClock)
    server: MemoryServer = field(default_factory=MemoryServer)
    hands: "count[int]" = field(default_factory=lambda: count(1))
    lock_server: MemoryLockServer = field(init=False)

    def __post_init__(self) -> None:
        self.lock_server = MemoryLockServer(self.clock)

    async def trading(self) -> CcxtTrading:
        trading = CcxtTrading(self.venue.endpoint, self.clock, Random(1), key=KEY, secret=SECRET)
        self.stack.push_async_callback(trading.close)
        await trading.server_time()
        return trading

    async def executor(self) -> "Wired":
        """Start one with all of its loops; returns when it has recovered."""
        bus = MemoryBus(server=self.server, service="executor", instance="executor", clock=self.clock)
        desk = Desk(
            await self.trading(),
            Ledger.open("", home=self.home),
            MemoryLocks(self.lock_server),
            self.clock,
            figures(self.home, reconcile_s=RECONCILE_S, recv_window_ms=1_000),
            "executor",
            Health("executor", "executor"),
        )
        executor = Executor(desk, bus)
        running = Wired(self, executor, bus, asyncio.create_task(executor.run()))
        self.stack.push_async_callback(running.dies)
        await running.until(lambda: desk.phase is not Phase.RECOVERING)
        return running

    async def by_hand(self, action: Action, qty: str) -> None:
        """Somebody trades on the same account."""
        link = OrderLinkId(f"hand-{next(self.hands)}")
        request = OrderRequest(BTC, action, Qty(Decimal(qty)), link, False, None)
        await (await self.trading()).create_order(request, Stamp(self.clock.now(), 3_000))

    async def moves(self, ms: int) -> None:
        """Let the market go on, and tell its time and price."""
        await self.venue.steps(ms)
        bus = MemoryBus(server=self.server, service="fetcher", instance="fetcher", clock=self.clock)
        await bus.publish(self.price())

    def price(self, part: str = "1") -> Message:
        last = Price(self.venue.price(BTC) * Decimal(part))
        now = self.venue.world.now
        return builders.price(last=str(last), **builders.envelope(PriceMoved, str(now), part, at=now))

    def told(self, schema: type[M]) -> list[M]:
        """Every message of a schema that reached its stream, once."""
        entries = self.server.streams.get(schema.stream(), [])
        found = {m.id: m for m in (entry.message() for entry in entries) if isinstance(m, schema)}
        return list(found.values())

    def trades(self) -> list[TradeClosed]:
        return self.told(TradeClosed)


@dataclass
class Wired:
    """One executor process."""

    room: WiredRoom
    executor: Executor
    bus: MemoryBus
    task: "asyncio.Task[None]"

    async def dies(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def until(self, true: Callable[[], Any]) -> None:
        """Wait for it; what kills a task of the executor fails the story."""

        async def check() -> Any:
            if self.task.done():
                self.task.result()
            return true()

        await eventually(check)

    async def told(self, *messages: Message) -> None:
        for message in messages:
            await self.bus.publish(message)

    async def signalled(self) -> str:
        """A long, at the market's price, with a stop so far away that nothing reaches it; returns its order's name."""
        now = self.room.venue.world.now
        price = Price(self.room.venue.price(BTC))
        decision = builders.decision(price=price, atr=Price(price / 10))
        slot = Instant(now - now % Timeframe.M15.ms)
        until = Instant(now + Timeframe.M15.ms)
        said = builders.envelope(SignalMade, str(slot), at=now)
        signal = builders.signal(slot=slot, valid_until=until, decision=decision, **said)
        await self.told(self.room.price(), signal)
        return str(entry_name(signal).link_id())

    async def enters(self) -> Kept:
        await self.signalled()
        await self.until(lambda: self.open() is not None)
        return self.opened()

    def open(self) -> Kept | None:
        with self.executor.desk.ledger.read() as pages:
            return pages.open_position(BTC)

    def opened(self) -> Kept:
        kept = self.open()
        assert kept is not None, "it is flat"
        return kept

    def state(self, link_id: str) -> OrderState | None:
        with self.executor.desk.ledger.read() as pages:
            intent = pages.intent(link_id)
        return None if intent is None else intent.state

    def funding(self) -> int:
        """How many settlements are booked."""
        with self.executor.desk.ledger.read() as pages:
            rows = pages.to_fold(BTC)
        return sum(row.execution.kind is ExecutionType.FUNDING for row in rows)

    async def reports(self) -> Qty:
        """What the venue says is open now."""
        return Qty(sum((p.qty for p in await self.executor.desk.trading.positions()), Decimal(0)))


@asynccontextmanager
async def wired_room(home: Path) -> AsyncIterator[WiredRoom]:
    async with AsyncExitStack() as stack:
        venue = await stack.enter_async_context(paper_venue(home / "venue", balance=str(BALANCE)))
        yield WiredRoom(home, venue, stack)
