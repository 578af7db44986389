"""Work beside a block, that may not die unnoticed."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` while the block runs, and end it with the block.

    If `work` fails, the block is cancelled and the failure raised in its place, as it is and in no group.
    """
    block = asyncio.current_task()
    assert block is not None, "a block runs in a task"
    task = asyncio.ensure_future(work)

    def stop_the_block(done: "asyncio.Task[None]") -> None:
        if _failure(done) is not None:
            block.cancel()

    task.add_done_callback(stop_the_block)
    try:
        yield
    except asyncio.CancelledError:
        failure = _failure(task)
        if failure is None:
            raise
        block.uncancel()
        raise failure from None
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _failure(task: "asyncio.Task[None]") -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None
