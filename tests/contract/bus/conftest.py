"""The two worlds that every behaviour of the bus is tried in: memory, and a real Redis."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest
from redis.asyncio import Redis

from libs.common.bus import Bus
from libs.common.bus.limits import BusLimits
from libs.common.bus.memory import MemoryBus, MemoryServer
from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock

QUICK = BusLimits(claim_after_ms=1_000, block_ms=50, housekeeping_s=0.05, broadcast_batch=10, work_batch=4)


class World(Protocol):
    async def bus(self, service: str = "executor", instance: str = "executor", limits: BusLimits = QUICK) -> Bus:
        """A process's bus; it is closed when the test ends, or by `kill`."""
        ...

    async def kill(self, bus: Bus) -> None:
        """The process of this bus dies: what it did not acknowledge is not acknowledged."""
        ...

    async def inject(self, stream: str, schema: bytes, body: bytes) -> str: ...
    async def dead(self) -> list[dict[str, str]]: ...
    async def length(self, stream: str) -> int: ...
    async def flush(self) -> None: ...
    async def lose_group(self, stream: str, group: str) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self._server = MemoryServer()

    async def bus(self, service: str = "executor", instance: str = "executor", limits: BusLimits = QUICK) -> Bus:
        return MemoryBus(server=self._server, service=service, instance=instance, clock=SystemClock(), limits=limits)

    async def kill(self, bus: Bus) -> None:
        await bus.close()

    async def inject(self, stream: str, schema: bytes, body: bytes) -> str:
        return self._server.add(stream, schema, body)

    async def dead(self) -> list[dict[str, str]]:
        return [
            {"stream": d.stream, "entry": d.entry, "t": d.t.decode(), "m": d.m.decode(), "reason": d.reason}
            for d in self._server.dead
        ]

    async def length(self, stream: str) -> int:
        return len(self._server.streams.get(stream, ()))

    async def flush(self) -> None:
        self._server.flush()

    async def lose_group(self, stream: str, group: str) -> None:
        del self._server.groups[stream, group]

    async def close(self) -> None:
        """Nothing is held."""


class RedisWorld:
    def __init__(self, url: str, prefix: str, cursors: Path) -> None:
        self._url, self._prefix, self._cursors = url, prefix, cursors
        self._redis: Any = Redis.from_url(url)
        self._open: dict[Bus, AsyncExitStack] = {}

    async def bus(self, service: str = "executor", instance: str = "executor", limits: BusLimits = QUICK) -> Bus:
        stack = AsyncExitStack()
        bus: Bus = await stack.enter_async_context(
            RedisBus.connect(
                self._url,
                prefix=self._prefix,
                service=service,
                instance=instance,
                cursors=self._cursors,
                clock=SystemClock(),
                limits=limits,
            )
        )
        self._open[bus] = stack
        return bus

    async def kill(self, bus: Bus) -> None:
        await self._open.pop(bus).aclose()

    async def inject(self, stream: str, schema: bytes, body: bytes) -> str:
        entry_id = await self._redis.xadd(self._prefix + stream, {"t": schema, "m": body})
        return str(entry_id.decode())

    async def dead(self) -> list[dict[str, str]]:
        rows = await self._redis.xrange(f"{self._prefix}dead")
        return [{key.decode(): value.decode() for key, value in fields.items()} for _, fields in rows]

    async def length(self, stream: str) -> int:
        return int(await self._redis.xlen(self._prefix + stream))

    async def flush(self) -> None:
        await self._redis.flushall()

    async def lose_group(self, stream: str, group: str) -> None:
        await self._redis.xgroup_destroy(self._prefix + stream, group)

    async def close(self) -> None:
        for bus in list(self._open):
            await self.kill(bus)
        await self._redis.aclose()


@pytest.fixture(params=["memory", "redis"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    made: MemoryWorld | RedisWorld = MemoryWorld()
    if request.param == "redis":
        url, prefix = request.getfixturevalue("redis_url"), request.getfixturevalue("redis_prefix")
        made = RedisWorld(url, prefix, tmp_path / "cursors")
    yield made
    await made.close()


def patient(**limits: float) -> BusLimits:
    """Limits under which nobody is thought dead during a test."""
    return replace(QUICK, claim_after_ms=60_000, **limits)  # type: ignore[arg-type]
