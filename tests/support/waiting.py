"""Waiting for something to become true: with a deadline, never with a hope."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from libs.common.bus import Bus, Delivery

T = TypeVar("T")
PATIENCE_S = 20.0


async def eventually(check: Callable[[], Awaitable[T]], *, within_s: float = PATIENCE_S) -> T:
    """Return the first truthy answer of `check`; AssertionError when none comes in time."""
    last: T | None = None
    try:
        async with asyncio.timeout(within_s):
            while True:
                last = await check()
                if last:
                    return last
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {within_s} s; the last answer was {last!r}") from None


async def take(deliveries: AsyncIterator[Delivery], number: int, *, within_s: float = PATIENCE_S) -> list[Delivery]:
    """The next `number` deliveries, not acknowledged."""
    async with asyncio.timeout(within_s):
        return [await anext(deliveries) for _ in range(number)]


async def take_and_ack(
    bus: Bus, deliveries: AsyncIterator[Delivery], number: int, *, within_s: float = PATIENCE_S
) -> list[Delivery]:
    """The next `number` deliveries, each acknowledged before the next is asked for."""
    taken = []
    async with asyncio.timeout(within_s):
        for _ in range(number):
            delivery = await anext(deliveries)
            await bus.ack(delivery)
            taken.append(delivery)
    return taken
