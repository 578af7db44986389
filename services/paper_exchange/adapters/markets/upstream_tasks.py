"""Tasks that need each other, and fail as one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from libs.common.errors import Transient


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A group of tasks that the first failure ends; raises Transient where nothing graver than that happened."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        transient, graver = group.split(Transient)
        if transient is None or graver is not None:
            raise
        raise Transient(str(next(_leaves(transient)))) from group


def _leaves(group: BaseExceptionGroup[Transient]) -> Iterator[Transient]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
