"""From the ledger to the streams: in order, under derived ids, and again after a lost Redis."""

from typing import Final

import structlog

from libs.common.bus import Bus
from libs.common.contracts.trades import TradeClosed
from libs.common.errors import Transient
from libs.common.retry import backoff
from libs.common.units import DAY_MS, SECOND_MS, Instant
from services.executor.core.commit_points import EVENTS_MARKED, EVENTS_PUBLISHED
from services.executor.shell.desk import Desk

log = structlog.get_logger()

ORPHANED_MS: Final = 5 * SECOND_MS  # another instance's message that waits this long is published by us
LOOK_BACK_MS: Final = 7 * DAY_MS
TRIMMED: Final = 1_000  # a stream longer than this may also have been shortened on purpose
TRADE: Final = TradeClosed.stream()


class Outbox:
    """The only publisher of the executor's events."""

    def __init__(self, desk: Desk, bus: Bus) -> None:
        self._desk = desk
        self._bus = bus

    async def publish_for_ever(self) -> None:
        pauses = backoff(first=0.1, ceiling=5.0)
        while True:
            self._desk.told.clear()
            try:
                if await self.publish():
                    continue
                pauses = backoff(first=0.1, ceiling=5.0)
            except Transient as error:
                log.warning("events.waiting", reason=str(error))
                await self._desk.clock.sleep(next(pauses))
                continue
            await self._desk.told.wait()

    async def publish(self) -> int:
        """Publish what waits, oldest first, then mark it; a crash between the two repeats it under the same ids."""
        desk = self._desk
        now = desk.clock.now()
        with desk.ledger.read() as pages:
            waiting = pages.waiting(owner=desk.instance, orphaned_before=Instant(now - ORPHANED_MS))
        if not waiting:
            return 0
        await self._bus.publish(*[one.message for one in waiting])
        desk.reached(EVENTS_PUBLISHED)
        with desk.ledger.write(synced=False) as pages:  # lost, it is published once more, under the same ids
            pages.published([one.seq for one in waiting], now=desk.clock.now())
        desk.reached(EVENTS_MARKED)
        return len(waiting)

    async def heal(self) -> None:
        """Publish the trades of the last seven market days again if the stream has lost any."""
        desk = self._desk
        with desk.ledger.read() as pages:
            trades = pages.trades(since=Instant(desk.market.now() - LOOK_BACK_MS))
            told = pages.waiting_count() == 0
        [lag] = await self._bus.lag([TRADE])
        # Nobody of ours reads this stream: what waits is all of it, and it holds at least what was told.
        if told and lag.waiting < min(len(trades), TRIMMED):
            log.warning("trades.republished", count=len(trades))
            await self._bus.publish(*trades)
        with desk.ledger.write() as pages:
            pages.forget_old()
