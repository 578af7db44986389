import asyncio

import pytest

from libs.common.errors import Fatal, Transient
from services.paper_exchange.adapters.markets.upstream_tasks import together

pytestmark = pytest.mark.anyio


async def fail(error: Exception) -> None:
    raise error


async def test_the_first_failure_ends_the_others_and_comes_out_as_it_is() -> None:
    with pytest.raises(Transient, match=r"^lost$"):
        async with together() as tasks:
            tasks.create_task(asyncio.Event().wait())
            async with together() as inner:
                inner.create_task(fail(Transient("lost")))


async def test_what_is_graver_is_not_hidden() -> None:
    with pytest.raises(ExceptionGroup) as group:
        async with together() as tasks:
            tasks.create_task(fail(Transient("lost")))
            tasks.create_task(fail(Fatal("broken")))
    assert group.group_contains(Fatal)


async def test_tasks_that_end_well_say_nothing() -> None:
    async with together() as tasks:
        tasks.create_task(asyncio.Event().wait()).cancel()
