"""The exchange's lives in one process: a restart that was ordered ends one, and the next begins from disk.

The process itself stays, so that it works the same whether somebody watches over it or nobody does.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine

import structlog

from libs.common.clock import Clock

log = structlog.get_logger()


class Restarts:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ordered = asyncio.Event()
        self._down_ms = 0

    def order(self, down_ms: int) -> None:
        """End this life as soon as whoever asked for it has been answered, and begin another `down_ms` later."""
        self._down_ms = down_ms
        self._ordered.set()

    async def lives(self) -> AsyncIterator[int]:
        """Yield once for every life, for ever."""
        number = 0
        while True:
            self._ordered.clear()
            yield number
            number += 1
            log.warning("exchange.down", down_ms=self._down_ms)
            await self._clock.sleep(self._down_ms / 1_000)

    async def live(self, running: Coroutine[object, object, None]) -> None:
        """Let a life run until a restart is ordered; raises what it raises."""
        life, ordered = asyncio.ensure_future(running), asyncio.ensure_future(self._ordered.wait())
        try:
            await asyncio.wait({life, ordered}, return_when=asyncio.FIRST_COMPLETED)
            if life.done():
                life.result()
        finally:
            for each in (life, ordered):
                each.cancel()
            await asyncio.gather(life, ordered, return_exceptions=True)
