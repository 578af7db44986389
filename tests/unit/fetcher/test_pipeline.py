"""Effects are begun and answered in the order in which they are sent, whatever Redis does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from libs.common.clock import SystemClock
from libs.common.errors import Transient
from services.fetcher.adapters.pipeline import ABREAST, Pipeline


class Redis:
    """`begun`: every try in its order; the names in `fails` fail once. Nothing is answered before `answers` is set."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.told: list[str] = []
        self.cut_short: list[str] = []
        self.fails: set[str] = set()
        self.answers = asyncio.Event()
        self.pipeline = Pipeline(SystemClock())
        self.running = asyncio.ensure_future(self.pipeline.run())

    async def sends(self, *names: str) -> None:
        for name in names:
            await self.pipeline.send(self.effect(name), self.tell)

    def effect(self, name: str) -> Callable[[], Awaitable[str]]:
        async def effect() -> str:
            self.begun.append(name)
            try:
                await self.answers.wait()
            except asyncio.CancelledError:
                self.cut_short.append(name)
                raise
            if name in self.fails:
                self.fails.remove(name)
                raise Transient(name)
            return name

        return effect

    async def tell(self, name: str) -> None:
        self.told.append(name)


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    redis = Redis()
    yield redis
    redis.running.cancel()
    await asyncio.gather(redis.running, return_exceptions=True)


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_next_is_begun_before_the_one_before_it_is_answered(redis: Redis) -> None:
    await redis.sends("a", "b", "c")
    await turns()
    assert (redis.begun, redis.told) == (["a", "b", "c"], [])
    redis.answers.set()
    await redis.pipeline.drained()
    assert redis.told == ["a", "b", "c"]


async def test_no_more_than_a_few_are_under_way(redis: Redis) -> None:
    names = [str(n) for n in range(ABREAST + 2)]
    sending = asyncio.create_task(redis.sends(*names))
    await turns()
    assert redis.begun == names[:ABREAST]
    redis.answers.set()
    await sending
    await redis.pipeline.drained()
    assert redis.told == names


async def test_what_was_not_taken_is_insisted_on_before_anything_else_is_begun(redis: Redis) -> None:
    redis.fails = {"0", "2"}
    names = [str(n) for n in range(ABREAST + 1)]
    sending = asyncio.create_task(redis.sends(*names))
    await turns()
    redis.answers.set()
    await sending
    await redis.pipeline.drained()
    assert redis.begun == [*names[:ABREAST], "0", "2", names[-1]]
    assert redis.told == names


async def test_what_is_under_way_ends_with_whoever_takes_the_answers(redis: Redis) -> None:
    await redis.sends("a", "b", "c")
    await turns()
    redis.running.cancel()
    await turns()
    assert redis.running.cancelled()
    assert redis.cut_short == ["a", "b", "c"]
