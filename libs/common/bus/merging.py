"""Several endless readers as one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TypeVar

T = TypeVar("T")


async def merge(sources: Sequence[AsyncGenerator[T, None]]) -> AsyncGenerator[T, None]:
    """Yield from all of `sources` as they come; of those that are ready at once, the first listed first.

    What a source raises is raised here; closing this closes them all.
    """
    waiting = {source: asyncio.ensure_future(anext(source)) for source in sources}
    try:
        while waiting:
            await asyncio.wait(waiting.values(), return_when=asyncio.FIRST_COMPLETED)
            for source in sources:
                if waiting[source].done():
                    yield await waiting[source]
                    waiting[source] = asyncio.ensure_future(anext(source))
    finally:
        for task in waiting.values():
            task.cancel()
        await asyncio.gather(*waiting.values(), return_exceptions=True)
        for source in sources:
            await source.aclose()
