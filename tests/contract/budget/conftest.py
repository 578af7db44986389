"""The two worlds that a budget is tried in: one process, and a real Redis that several share."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from random import Random
from typing import Protocol

import pytest

from libs.common.budget import Budget
from libs.common.budget.local import LocalBudget
from libs.common.budget.redis_budget import RedisBudget
from libs.common.clock import SystemClock

SHARED, WINDOW_MS = 4, 300


class World(Protocol):
    async def budget(self) -> Budget:
        """The budget as one more asker sees it."""
        ...


class LocalWorld:
    def __init__(self) -> None:
        self._one = LocalBudget(SystemClock(), Random(1), shared=SHARED, window_ms=WINDOW_MS)

    async def budget(self) -> Budget:
        return self._one


class RedisWorld:
    def __init__(self, url: str, prefix: str, stack: AsyncExitStack) -> None:
        self._url, self._prefix, self._stack = url, prefix, stack

    async def budget(self) -> Budget:
        opened = RedisBudget.connect(
            self._url, prefix=self._prefix, clock=SystemClock(), dice=Random(1), shared=SHARED, window_ms=WINDOW_MS
        )
        return await self._stack.enter_async_context(opened)


@pytest.fixture(params=["local", "redis"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        if request.param == "local":
            yield LocalWorld()
        else:
            yield RedisWorld(request.getfixturevalue("redis_url"), request.getfixturevalue("redis_prefix"), stack)
