import asyncio

import pytest

from libs.common.background import beside
from libs.common.errors import Fatal


async def test_work_beside_a_block_ends_with_it() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with beside(work()):
        await asyncio.sleep(0)
    assert ended.is_set()


async def test_work_that_fails_stops_the_block_and_says_why() -> None:
    async def work() -> None:
        raise Fatal("the books do not balance")

    with pytest.raises(Fatal, match="books"):
        async with beside(work()):
            await asyncio.Event().wait()


async def test_a_block_that_is_cancelled_is_cancelled() -> None:
    entered = asyncio.Event()

    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    async def block() -> None:
        async with beside(wait_for_ever()):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_block_that_fails_by_itself_says_so() -> None:
    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(ZeroDivisionError):
        async with beside(wait_for_ever()):
            raise ZeroDivisionError
