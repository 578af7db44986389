import asyncio
import time
from random import Random

import pytest

from libs.common.budget import LONGEST_WAIT_MS
from libs.common.budget.redis_budget import RedisBudget
from libs.common.clock import SystemClock
from libs.common.errors import Transient
from tests.contract.budget.conftest import SHARED, WINDOW_MS, World


def now_ms() -> float:
    return time.monotonic() * 1_000


async def test_what_is_shared_leaves_at_once_and_the_rest_a_window_later(world: World) -> None:
    budget, other = await world.budget(), await world.budget()
    began = now_ms()
    async with asyncio.TaskGroup() as asking:
        for each in (budget, other) * (2 * SHARED):
            asking.create_task(each.turn())
    assert now_ms() - began >= 3 * WINDOW_MS - 1, "four windows' worth of requests left within three windows"


async def test_turns_are_given_in_the_order_of_asking(world: World) -> None:
    budget = await world.budget()
    given: list[int] = []

    async def ask(number: int) -> None:
        await budget.turn()
        given.append(number)

    for _ in range(SHARED):
        await budget.turn()
    async with asyncio.TaskGroup() as asking:
        for number in range(SHARED * 2):
            asking.create_task(ask(number))
            await asyncio.sleep(0.002)
    first, second = given[:SHARED], given[SHARED:]
    assert set(first) == set(range(SHARED))
    assert set(second) == set(range(SHARED, SHARED * 2))


async def test_a_venue_that_asks_for_patience_is_asked_nothing_meanwhile_by_anybody(world: World) -> None:
    budget, other = await world.budget(), await world.budget()
    began = now_ms()
    await budget.hold_off(400)
    await budget.hold_off(10)  # does not shorten it
    await other.turn()
    assert now_ms() - began >= 399


async def test_while_the_address_is_shut_out_an_asker_is_told_so_at_once(world: World) -> None:
    budget, other = await world.budget(), await world.budget()
    await budget.hold_off(600_000)
    with pytest.raises(Transient, match=r"shut this address out for (600|599) s more: nothing is sent"):
        await other.turn()


async def test_a_queue_that_would_wait_too_long_is_refused_and_so_stays_bounded(world: World) -> None:
    budget = await world.budget()
    most = SHARED * (LONGEST_WAIT_MS // WINDOW_MS + 2)
    asking = [asyncio.create_task(budget.turn()) for _ in range(most)]
    try:
        done, _ = await asyncio.wait(asking, timeout=20, return_when=asyncio.FIRST_EXCEPTION)
        refused = [task for task in done if isinstance(task.exception(), Transient)]
        assert refused
        assert "the rate budget is spent for" in str(refused[0].exception())
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def test_without_redis_nothing_is_sent(redis_prefix: str) -> None:
    nowhere = "redis://127.0.0.1:1"
    async with RedisBudget.connect(nowhere, prefix=redis_prefix, clock=SystemClock(), dice=Random(1)) as budget:
        with pytest.raises(Transient, match="no rate budget"):
            await budget.turn()
        with pytest.raises(Transient, match="no rate budget"):
            await budget.hold_off(100)
