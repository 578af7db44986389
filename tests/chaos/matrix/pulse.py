"""Whether the machine let a run live: a process that stood still for half a second cannot be judged by two."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

BEAT_S: Final = 0.05
STARVED_MS: Final = 400.0


@dataclass
class Pulse:
    """The longest that this process's own loop, which also serves the exchange, was kept waiting for a core."""

    latest_ms: float = 0.0

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + BEAT_S
            await asyncio.sleep(BEAT_S)
            self.latest_ms = max(self.latest_ms, (loop.time() - due) * 1_000)


@asynccontextmanager
async def pulse() -> AsyncIterator[Pulse]:
    felt = Pulse()
    beating = asyncio.create_task(felt._beat())
    try:
        yield felt
    finally:
        beating.cancel()
