"""The process that works on the files of candles (filing.py): started when it is asked, ended when nobody asks."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import orjson
import structlog

from libs.common.clock import Clock

log = structlog.get_logger()

IDLE_S: Final = 10.0  # the questions of a start come at once, those of later a few minutes apart
ANSWER_S: Final = 60.0
LENGTH: Final = 8  # bytes of a length, most significant first


class FilingProcess:
    """One question at a time; whoever stops waiting for an answer leaves it to be done all the same."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._asked_ms = 0.0
        self._asking: set[asyncio.Task[Any]] = set()
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start at once: a fetcher that starts asks soon, and has other things to do until it is there."""
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let what was asked be done, and end."""
        await asyncio.gather(*self._asking, return_exceptions=True)
        async with self._turn:
            await self._end()
        if self._watching is not None:
            self._watching.cancel()

    async def ask(self, question: Mapping[str, Any]) -> Any:
        """Return the answer; raises OSError when the disk does not take it, or nobody answers within ANSWER_S.

        A process that is gone is started again and asked once more.
        """
        asking = asyncio.create_task(self._ask(question))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        asking.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever asked may have gone
        return await asyncio.shield(asking)

    async def _ask(self, question: Mapping[str, Any]) -> Any:
        async with self._turn:
            try:
                told = await self._told(question)
            except ProcessLookupError as error:  # somebody killed it, and nothing that it does is spoilt by that
                log.warning("filing.lost", reason=str(error))
                told = await self._told(question)
        for each in told["said"]:
            getattr(log, each.pop("level"))(each.pop("event"), **each)
        if "error" in told:
            raise OSError(told["error"])
        return told["answer"]

    async def _told(self, question: Mapping[str, Any]) -> Any:
        process = self._process or await self._start()
        try:
            async with asyncio.timeout(ANSWER_S):
                told = await _exchange(process, question)
        except BaseException as error:
            process.kill()
            await self._end()
            if isinstance(error, TimeoutError):
                raise OSError(f"no answer within {ANSWER_S} s about the files in {self._folder}") from error
            if isinstance(error, EOFError | ConnectionError):
                raise ProcessLookupError(f"whoever works on the files in {self._folder} is gone: {error!r}") from error
            raise
        self._asked_ms = self._clock.monotonic_ms()
        return told

    async def _start(self) -> Process:
        command = (sys.executable, "-m", f"{__package__}.filing", str(self._folder))
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        self._process, self._asked_ms = process, self._clock.monotonic_ms()
        self._watching = asyncio.create_task(self._end_when_idle(process))
        return process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            await process.wait()

    async def _end_when_idle(self, process: Process) -> None:
        while process is self._process:
            await self._clock.sleep(IDLE_S / 2)
            async with self._turn:
                if process is self._process and self._clock.monotonic_ms() - self._asked_ms >= IDLE_S * 1_000:
                    await self._end()


async def _exchange(process: Process, question: Mapping[str, Any]) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    body = orjson.dumps(question)
    process.stdin.write(len(body).to_bytes(LENGTH, "big"))
    process.stdin.write(body)
    await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(LENGTH), "big")
    return orjson.loads(await process.stdout.readexactly(length))
