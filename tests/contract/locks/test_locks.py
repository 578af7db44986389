import asyncio
from contextlib import AsyncExitStack

import pytest

from libs.common.clock import SystemClock
from libs.common.errors import Transient
from libs.common.locks.redis_locks import RedisLocks
from libs.common.units import Symbol
from tests.contract.locks.conftest import LOCK_MS, PausedClock, World
from tests.support.redis import RedisServer
from tests.support.waiting import eventually

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")


async def test_a_symbol_has_one_holder(world: World) -> None:
    one, other = await world.locks(), await world.locks()
    async with one.hold(BTC, wait_ms=0) as held:
        assert held is not None
        async with other.hold(BTC, wait_ms=50) as refused:
            assert refused is None


async def test_one_process_does_not_hold_a_symbol_twice(world: World) -> None:
    locks = await world.locks()
    async with locks.hold(BTC, wait_ms=0), locks.hold(BTC, wait_ms=50) as again:
        assert again is None


async def test_another_symbol_is_free(world: World) -> None:
    one, other = await world.locks(), await world.locks()
    async with one.hold(BTC, wait_ms=0), other.hold(ETH, wait_ms=0) as held:
        assert held is not None


async def test_a_lock_is_let_go_at_the_end_of_the_work(world: World) -> None:
    one, other = await world.locks(), await world.locks()
    async with one.hold(BTC, wait_ms=0):
        pass
    async with other.hold(BTC, wait_ms=0) as held:
        assert held is not None


async def test_a_lock_is_let_go_when_the_work_fails(world: World) -> None:
    one, other = await world.locks(), await world.locks()
    with pytest.raises(ZeroDivisionError):
        async with one.hold(BTC, wait_ms=0):
            raise ZeroDivisionError
    async with other.hold(BTC, wait_ms=0) as held:
        assert held is not None


async def test_who_waits_gets_the_lock_when_it_is_let_go(world: World) -> None:
    one, other = await world.locks(), await world.locks()

    async def waited_for_it() -> bool:
        async with other.hold(BTC, wait_ms=20_000) as held:
            return held is not None

    async with asyncio.TaskGroup() as tasks, one.hold(BTC, wait_ms=0):
        waiting = tasks.create_task(waited_for_it())
        await asyncio.sleep(0.05)
        assert not waiting.done()
    assert waiting.result()


async def test_work_longer_than_the_lock_keeps_it_by_renewal(world: World) -> None:
    one, other = await world.locks(), await world.locks()
    async with one.hold(BTC, wait_ms=0) as held:
        assert held is not None
        began = held.verified_at

        async def renewed_past_its_length() -> bool:
            return held.verified_at - began > 2 * LOCK_MS

        await eventually(renewed_past_its_length)
        assert held.remaining_ms() > 0
        async with other.hold(BTC, wait_ms=0) as refused:
            assert refused is None


async def test_a_holder_that_was_paused_past_its_lease_knows_and_leaves_the_next_one_alone(world: World) -> None:
    paused, next_one, third = await world.locks(PausedClock()), await world.locks(), await world.locks()
    async with AsyncExitStack() as later:
        async with AsyncExitStack() as earlier:
            stale = await earlier.enter_async_context(paused.hold(BTC, wait_ms=0))
            held = await later.enter_async_context(next_one.hold(BTC, wait_ms=20_000))
            assert stale is not None
            assert held is not None
            assert stale.remaining_ms() == 0
        async with third.hold(BTC, wait_ms=0) as refused:
            assert refused is None
    async with third.hold(BTC, wait_ms=0) as free:
        assert free is not None


async def test_a_holder_whose_lock_was_flushed_away_learns_of_it(world: World) -> None:
    locks = await world.locks()
    async with locks.hold(BTC, wait_ms=0) as held:
        assert held is not None
        await world.flush()

        async def is_lost() -> bool:
            return held.remaining_ms() == 0

        await eventually(is_lost)


async def test_without_redis_there_is_no_lock(redis_server: RedisServer) -> None:
    await redis_server.restart()
    async with RedisLocks.connect(redis_server.url, prefix="ik:", clock=SystemClock()) as locks:
        redis_server.kill()
        with pytest.raises(Transient):
            async with locks.hold(BTC, wait_ms=0):
                pass
