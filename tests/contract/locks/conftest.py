"""The two worlds that locks and leases are tried in: memory, and a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest
from redis.asyncio import Redis

from libs.common.clock import Clock, SystemClock
from libs.common.locks import Leases, Locks
from libs.common.locks.memory import MemoryLeases, MemoryLocks, MemoryLockServer
from libs.common.locks.redis_locks import RedisLeases, RedisLocks

LOCK_MS, RENEW_MS, LEASE_MS = 1_000, 200, 1_500


class PausedClock(SystemClock):
    """The clock of a process that is stopped: time goes on, but it never wakes."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


class World(Protocol):
    async def locks(self, clock: Clock | None = None) -> Locks:
        """The locks of one more process."""
        ...

    async def leases(self, instance: str) -> Leases: ...
    async def flush(self) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self._server = MemoryLockServer(SystemClock())

    async def locks(self, clock: Clock | None = None) -> Locks:
        return MemoryLocks(self._server, clock=clock, length_ms=LOCK_MS, renew_ms=RENEW_MS)

    async def leases(self, instance: str) -> Leases:
        return MemoryLeases(self._server, service="fetcher", instance=instance, length_ms=LEASE_MS)

    async def flush(self) -> None:
        self._server.flush()

    async def close(self) -> None:
        """Nothing is held."""


class RedisWorld:
    def __init__(self, url: str, prefix: str) -> None:
        self._url, self._prefix = url, prefix
        self._redis: Any = Redis.from_url(url)
        self._stack = AsyncExitStack()

    async def locks(self, clock: Clock | None = None) -> Locks:
        return await self._stack.enter_async_context(
            RedisLocks.connect(
                self._url, prefix=self._prefix, clock=clock or SystemClock(), length_ms=LOCK_MS, renew_ms=RENEW_MS
            )
        )

    async def leases(self, instance: str) -> Leases:
        return await self._stack.enter_async_context(
            RedisLeases.connect(
                self._url,
                prefix=self._prefix,
                service="fetcher",
                instance=instance,
                clock=SystemClock(),
                length_ms=LEASE_MS,
            )
        )

    async def flush(self) -> None:
        await self._redis.flushall()

    async def close(self) -> None:
        await self._stack.aclose()
        await self._redis.aclose()


@pytest.fixture(params=["memory", "redis"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    made: MemoryWorld | RedisWorld = MemoryWorld()
    if request.param == "redis":
        made = RedisWorld(request.getfixturevalue("redis_url"), request.getfixturevalue("redis_prefix"))
    yield made
    await made.close()
