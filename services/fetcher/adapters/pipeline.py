"""Effects on Redis that are under way together: Redis works on one while the next is made."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

from libs.common.clock import Clock
from libs.common.errors import Transient
from libs.common.retry import backoff

log = structlog.get_logger()

ABREAST: Final = 4  # a page of history is a megabyte while it is under way
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Sent:
    effect: Callable[[], Awaitable[Any]]
    then: Callable[[Any], Awaitable[None]]
    answer: "asyncio.Future[Any]"


class Pipeline:
    """Effects are begun in the order in which they are sent, and their answers taken in that order.

    What Redis did not take is insisted on before anything else is begun. Until that is noticed a later effect may have
    been taken: only such effects may be sent as are refused where an earlier one is missing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._under_way: asyncio.Queue[_Sent] = asyncio.Queue()
        self._room = asyncio.Semaphore(ABREAST)
        self._is_delayed = False

    async def send(self, effect: Callable[[], Awaitable[T]], then: Callable[[T], Awaitable[None]]) -> None:
        """Begin an effect as soon as there is room for it; `then` is called with its answer."""
        await self._room.acquire()
        if self._is_delayed:
            await self.drained()
            self._is_delayed = False
        self._under_way.put_nowait(_Sent(effect, then, asyncio.ensure_future(effect())))

    async def drained(self) -> None:
        """Return when nothing is under way."""
        await self._under_way.join()

    async def run(self) -> None:
        """Take the answers, for ever."""
        try:
            while True:
                sent = await self._under_way.get()
                await sent.then(await self._answer(sent))
                self._room.release()
                self._under_way.task_done()
        finally:
            while not self._under_way.empty():
                self._under_way.get_nowait().answer.cancel()

    async def _answer(self, sent: _Sent) -> Any:
        try:
            return await sent.answer
        except Transient as error:
            self._is_delayed = True
            log.warning("publishing.delayed", reason=str(error))
        return await self.insist(sent.effect)

    async def insist(self, effect: Callable[[], Awaitable[T]]) -> T:
        """Try until Redis has it: nothing that was decided may be skipped."""
        for wait in backoff(first=0.1, ceiling=2.0):
            try:
                return await effect()
            except Transient as error:
                log.warning("publishing.delayed", reason=str(error), wait_s=wait)
            await self._clock.sleep(wait)
        raise AssertionError("the schedule never ends")
