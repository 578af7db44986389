"""The bus under fire: whoever dies, wherever, work is repeated and never lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import pytest

from libs.common.bus import Delivery
from libs.common.bus.limits import BusLimits
from libs.common.bus.memory import Crash, MemoryBus, MemoryServer
from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock, VirtualClock
from libs.common.contracts.commands import StopMove
from libs.common.contracts.message import Message, message_id
from libs.common.errors import Transient
from libs.common.redis_connection import open_redis
from libs.common.service import serve, until_done
from libs.common.units import Instant
from tests.support.builders import signal, stop_move
from tests.support.redis import RedisServer
from tests.support.waiting import eventually

QUICK = BusLimits(claim_after_ms=500, block_ms=50, housekeeping_s=0.05, work_batch=4, deliveries=1_000)
INBOX = tuple(signal(n=n) for n in range(4))


class Echo:
    """Answers each signal with one command whose id is derived from it."""

    reads = ("signal",)

    def decide(self, message: Message, now: Instant) -> Sequence[Message]:
        return (stop_move(id=message_id(StopMove, message.id), cause=message.id),)


class DyingBus(RedisBus):
    """A bus on Redis whose process dies at one publish or acknowledgement: before it, or when it has just happened."""

    steps_left = 0
    after = False

    async def publish(self, *messages: Message) -> None:
        await self._step(super().publish, *messages)

    async def ack(self, delivery: Delivery) -> None:
        await self._step(super().ack, delivery)

    async def _step(self, effect, *arguments) -> None:  # type: ignore[no-untyped-def]
        self.steps_left -= 1
        if self.steps_left == 0 and not self.after:
            raise Crash
        await effect(*arguments)
        if self.steps_left == 0:
            raise Crash


@asynccontextmanager
async def executor(
    kind: type[RedisBus], url: str, prefix: str, instance: str = "executor", service: str = "executor"
) -> AsyncIterator[RedisBus]:
    async with kind.connect(
        url, prefix=prefix, service=service, instance=instance, cursors=None, clock=SystemClock(), limits=QUICK
    ) as bus:
        yield bus


async def causes(url: str, prefix: str) -> set[str]:
    """What the commands on the stream were caused by."""
    redis = open_redis(url)
    rows = await redis.xrange(f"{prefix}command") or []
    await redis.aclose()
    bodies = [(fields or {}).get(b"m", b"") for _, fields in rows]
    return {message.id for message in INBOX if any(message.id.encode() in bytes(body) for body in bodies)}  # type: ignore[arg-type]


async def serve_until_idle(bus: RedisBus) -> None:
    serving = asyncio.create_task(serve(Echo(), bus=bus, clock=SystemClock()))

    async def idle() -> bool:
        try:
            [lag] = await bus.lag(["signal"])
        except Transient:
            return False
        return serving.done() or lag.waiting == lag.pending == 0

    try:
        await eventually(idle)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, 2 * len(INBOX) + 1))
async def test_dying_at_any_publish_or_acknowledgement_loses_nothing(
    step: int, after: bool, redis_url: str, redis_prefix: str
) -> None:
    async with executor(RedisBus, redis_url, redis_prefix, "predictor", "predictor") as predictor:
        await predictor.publish(*INBOX)
    async with executor(DyingBus, redis_url, redis_prefix) as dying:
        assert isinstance(dying, DyingBus)
        dying.steps_left, dying.after = step, after
        with pytest.raises(Crash):
            await serve(Echo(), bus=dying, clock=SystemClock())
    async with executor(RedisBus, redis_url, redis_prefix) as again:
        await serve_until_idle(again)
    assert await causes(redis_url, redis_prefix) == {message.id for message in INBOX}


async def test_a_connection_that_is_cut_again_and_again_loses_nothing(redis_url: str, redis_prefix: str) -> None:
    inbox = [signal(n=n) for n in range(60)]
    handled: set[str] = set()

    class Noting(Echo):
        def decide(self, message: Message, now: Instant) -> Sequence[Message]:
            handled.add(message.id)
            return super().decide(message, now)

    async with executor(RedisBus, redis_url, redis_prefix) as bus:
        serving = asyncio.create_task(serve(Noting(), bus=bus, clock=SystemClock()))
        scissors = open_redis(redis_url)
        for message in inbox:
            await until_done(lambda message=message: bus.publish(message), clock=SystemClock())  # type: ignore[misc]
            await scissors.client_kill_filter(_type="normal", skipme=True)

        async def all_done() -> bool:
            try:
                [lag] = await bus.lag(["signal"])
            except Transient:
                return False
            return len(handled) == len(inbox) and lag.waiting == lag.pending == 0

        await eventually(all_done, within_s=40)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await scissors.aclose()
    assert handled == {message.id for message in inbox}


async def test_a_redis_that_is_restarted_between_messages_loses_nothing(redis_server: RedisServer) -> None:
    await redis_server.restart()
    async with executor(RedisBus, redis_server.url, "ik:") as bus:
        serving = asyncio.create_task(serve(Echo(), bus=bus, clock=SystemClock()))
        for message in INBOX:
            await until_done(lambda message=message: bus.publish(message), clock=SystemClock())  # type: ignore[misc]
            redis_server.stop()
            await redis_server.restart()

        async def all_answered() -> bool:
            return await causes(redis_server.url, "ik:") == {message.id for message in INBOX}

        assert await eventually(all_answered, within_s=40)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_a_redis_flushed_again_and_again_takes_new_work_after_each(redis_url: str, redis_prefix: str) -> None:
    """peers.md 36: the group vanishes under the reader's feet."""
    async with executor(RedisBus, redis_url, redis_prefix) as bus, aclosing(bus.read(["signal"])) as deliveries:
        redis = open_redis(redis_url)
        for message in INBOX:
            await redis.flushall()
            await bus.publish(message)
            async with asyncio.timeout(20):
                delivery = await anext(deliveries)
            await bus.ack(delivery)
            assert delivery.message.id == message.id
        await redis.aclose()


@pytest.mark.parametrize("step", range(2 * len(INBOX)))
async def test_a_replica_that_dies_in_memory_is_inherited_from_by_another(step: int) -> None:
    server, clock = MemoryServer(), VirtualClock()
    dying = MemoryBus(*INBOX, server=server, instance="one", die_after=step, clock=clock, endless=False)
    with pytest.raises(Crash):
        await serve(Echo(), bus=dying, clock=clock)
    clock.advance(60)  # the dead one's work is idle for long enough
    heir = MemoryBus(server=server, instance="two", clock=clock, endless=False)
    await serve(Echo(), bus=heir, clock=clock)
    assert {m.cause for m in (*dying.published, *heir.published)} == {m.id for m in INBOX}
    assert [(lag.waiting, lag.pending) for lag in await heir.lag(["signal"])] == [(0, 0)]
