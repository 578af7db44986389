"""The process that works on the files of candles (work.py): started when it is asked, ended when nobody asks."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import orjson
import structlog

from libs.common.clock import Clock

log = structlog.get_logger()

IDLE_S: Final = 10.0  # the questions of a start come at once, those of later a few minutes apart
ENDS_S: Final = 1.0  # whoever stops us does not wait for long
LENGTH: Final = 8  # bytes of a length, most significant first


class _Gone(Exception):
    """The process ended before it answered."""


class FilingProcess:
    """One question at a time; whoever stops waiting for an answer leaves it to be done all the same.

    niceness: 0 to 19, how far it lets everybody else on the machine go first.
    """

    def __init__(self, folder: Path, clock: Clock, *, answers_within_s: float, niceness: int = 0) -> None:
        self._folder, self._clock, self._within_s, self._niceness = folder, clock, answers_within_s, niceness
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._asked_ms = 0.0
        self._asking: set[asyncio.Task[Any]] = set()
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let what was asked be done within ENDS_S, and end."""
        if self._asking:
            _done, late = await asyncio.wait(self._asking, timeout=ENDS_S)
            for asking in late:
                asking.cancel()
        async with self._turn:
            await self._end()
        if self._watching is not None:
            self._watching.cancel()

    async def start(self) -> None:
        """Be there before the first question: what it loads takes half a second."""
        async with self._turn:
            await self._running()

    async def ask(self, question: Mapping[str, Any]) -> Any:
        """Return the answer; raises OSError when the disk does not take it, or nobody answers in time.

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
            except _Gone as gone:  # somebody killed it, and nothing that it does is spoilt by that
                log.warning("filing.lost", reason=str(gone))
                try:
                    told = await self._told(question)
                except _Gone as again:
                    raise OSError(str(again)) from again
        for each in told["said"]:
            getattr(log, each.pop("level"))(each.pop("event"), **each)
        if "error" in told:
            raise OSError(told["error"])
        return told["answer"]

    async def _told(self, question: Mapping[str, Any]) -> Any:
        process = await self._running()
        try:
            async with asyncio.timeout(self._within_s):
                told = await _exchange(process, question)
        except BaseException as error:
            _kill(process)
            await self._end()
            if isinstance(error, TimeoutError):
                raise OSError(f"no answer within {self._within_s} s about the files in {self._folder}") from error
            if isinstance(error, EOFError | ConnectionError):
                raise _Gone(f"whoever works on the files in {self._folder} is gone: {error!r}") from error
            raise
        self._asked_ms = self._clock.monotonic_ms()
        return told

    async def _running(self) -> Process:
        """The process, started if need be."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        command = (sys.executable, "-m", __package__, str(self._folder), str(self._niceness))
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        self._process, self._asked_ms = process, self._clock.monotonic_ms()
        if self._watching is not None:
            self._watching.cancel()
        self._watching = asyncio.create_task(self._end_when_idle(process))
        return process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            async with asyncio.timeout(ENDS_S):
                await process.wait()
        except TimeoutError:
            _kill(process)
            await process.wait()

    async def _end_when_idle(self, process: Process) -> None:
        while process is self._process:
            await self._clock.sleep(IDLE_S / 2)
            async with self._turn:
                if process is self._process and self._clock.monotonic_ms() - self._asked_ms >= IDLE_S * 1_000:
                    await self._end()


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):  # it is dead already
        process.kill()


def framed(said: object) -> bytes:
    """A question or an answer as it goes through the pipe: JSON, its length before it."""
    body = orjson.dumps(said)
    return len(body).to_bytes(LENGTH, "big") + body


async def _exchange(process: Process, question: Mapping[str, Any]) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(framed(question))
    await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(LENGTH), "big")
    return orjson.loads(await process.stdout.readexactly(length))
