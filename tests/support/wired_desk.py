"""A whole executor on the real wire: through ccxt to the paper exchange over HTTP and WebSocket, on the wall clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from libs.common.bus.memory import MemoryBus, MemoryServer
from libs.common.clock import SystemClock
from libs.common.contracts.recovery import Phase
from libs.common.contracts.signals import SignalMade
from libs.common.contracts.trades import TradeClosed
from libs.common.exchange.ccxt_trading import CcxtTrading
from libs.common.exchange.trading_types import VenuePosition
from libs.common.health import Health
from libs.common.locks.memory import MemoryLocks, MemoryLockServer
from libs.common.units import HOUR_MS, Instant, Price, floor_to
from services.executor.adapters.ledger import Ledger
from services.executor.core.intent import Intent
from services.executor.core.kept import Kept
from services.executor.service import Executor
from services.executor.shell.desk import Desk
from tests.support import builders
from tests.support.paper_venue import KEY, SECRET, PaperVenue
from tests.support.trading_room import BTC, figures
from tests.support.waiting import eventually


@dataclass
class WiredDesk:
    """One executor process, and the exchange that it trades at."""

    venue: PaperVenue
    executor: Executor
    trading: CcxtTrading
    bus: MemoryBus

    def price(self) -> Decimal:
        return self.venue.price(BTC)

    def signal(self, n: int = 0) -> SignalMade:
        """To buy now; its stop is a tenth below the price."""
        slot = Instant(self.venue.world.now + n)
        price = Price(self.price())
        decision = builders.decision(price=price, atr=Price(floor_to(price / 20, Decimal("0.1"))))
        lasting = Instant(slot + HOUR_MS)
        return builders.signal(BTC, slot=slot, at=slot, id=f"wired-{slot}", valid_until=lasting, decision=decision)

    def kept(self) -> Kept | None:
        with self.executor.desk.ledger.read() as pages:
            return pages.open_position(BTC)

    def intents(self) -> list[Intent]:
        """What is not finished."""
        with self.executor.desk.ledger.read() as pages:
            return list(pages.live_intents())

    def trades(self) -> list[TradeClosed]:
        stream = self.bus.server.streams.get(TradeClosed.stream(), [])
        told = {entry.message().id: entry.message() for entry in stream}
        return [message for message in told.values() if isinstance(message, TradeClosed)]

    async def opened(self) -> Kept:
        """Our position, once it has its stop and nothing of it is unfinished."""

        async def known() -> list[Kept]:
            kept = self.kept()
            whole = kept is not None and kept.position.stop is not None and not self.intents()
            return [kept] if kept is not None and whole else []

        return (await eventually(known, within_s=60))[0]  # a request that got lost is looked after later

    async def closed(self) -> TradeClosed:
        async def told() -> list[TradeClosed]:
            return self.trades()

        return (await eventually(told))[-1]

    async def recovered(self) -> None:
        async def seeking() -> bool:
            return self.executor.desk.phase is not Phase.RECOVERING

        await eventually(seeking)

    async def at_venue(self) -> VenuePosition | None:
        return next((each for each in await self.trading.positions() if each.symbol == BTC), None)

    async def books(self) -> Any:
        """The exchange's own truth."""
        return await self.venue.audit()


@asynccontextmanager
async def wired_desk(
    venue: PaperVenue, home: Path, *, instance: str = "executor", server: MemoryServer | None = None
) -> AsyncIterator[WiredDesk]:
    """Run an executor on what is left in `home` and `server`; it is killed in the end, not stopped."""
    clock = SystemClock()
    trading = CcxtTrading(venue.endpoint, clock, Random(1), key=KEY, secret=SECRET)
    bus = MemoryBus(server=server or MemoryServer(), service="executor", instance=instance, clock=clock)
    locks, health = MemoryLocks(MemoryLockServer(clock)), Health("executor", instance)
    desk = Desk(trading, Ledger.open("", home=home), locks, clock, figures(home, reconcile_s=1), instance, health)
    executor = Executor(desk, bus)
    task = asyncio.create_task(executor.run())
    try:
        yield WiredDesk(venue, executor, trading, bus)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await trading.close()
