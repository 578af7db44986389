"""Raw HTTP over kept connections: requests are bytes that were made before, answers are looked at as bytes."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, cast

from bench.rig.process import Served

CONNECTIONS: Final = 16
GOOD: Final = b'"retCode":0,'
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "

Made = Callable[[int], bytes]


class Caller(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self) -> None:
        self._heard, self._wanted = b"", 0
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if not self._wanted:
            end = self._heard.find(_HEAD_END)
            if end < 0:
                return
            begin = self._heard.index(_LENGTH) + len(_LENGTH)
            self._wanted = end + len(_HEAD_END) + int(self._heard[begin : self._heard.index(b"\r", begin)])
        if len(self._heard) >= self._wanted and self._answer is not None:
            heard, self._heard, self._wanted = self._heard, b"", 0
            self._answer.set_result(heard)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("closed"))

    async def ask(self, request: bytes) -> bytes:
        """The whole answer, head and body."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    async def body(self, request: bytes) -> bytes:
        return (await self.ask(request)).partition(_HEAD_END)[2]

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def callers(served: Served, count: int = CONNECTIONS) -> list[Caller]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Caller, "127.0.0.1", served.port))[1] for _ in range(count)]


async def flat_out(served: Served, requests: Sequence[bytes], seconds: float) -> tuple[float, int]:
    """Requests a second when every connection asks again as soon as it is answered, and how many that were.

    It ends early when there are no more `requests`.
    """
    until, asked, answered = time.monotonic() + seconds, 0, 0

    async def ask_on(caller: Caller) -> None:
        nonlocal asked, answered
        while time.monotonic() < until and asked < len(requests):
            number, asked = asked, asked + 1
            check(await caller.ask(requests[number]))
            answered += 1

    connected = await callers(served)
    began = time.monotonic()
    await asyncio.gather(*(ask_on(caller) for caller in connected))
    took = time.monotonic() - began
    for caller in connected:
        caller.close()
    return answered / took, answered


async def at_rate(served: Served, requests: Sequence[bytes], rate: float) -> list[float]:
    """Milliseconds from when each request was due, at `rate` a second, whether or not the ones before are answered."""
    connected = await callers(served, CONNECTIONS)
    idle: asyncio.Queue[Caller] = asyncio.Queue()
    for caller in connected:
        idle.put_nowait(caller)
    took: list[float] = []

    async def ask(request: bytes, due: float) -> None:
        caller = await idle.get()
        check(await caller.ask(request))
        took.append((time.monotonic() - due) * 1_000)
        idle.put_nowait(caller)

    began = time.monotonic()
    async with asyncio.TaskGroup() as asking:
        for number, request in enumerate(requests):
            due = began + number / rate
            wait = due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            asking.create_task(ask(request, due))
    for caller in connected:
        caller.close()
    return took


def check(answer: bytes) -> None:
    if GOOD not in answer:
        raise RuntimeError(f"refused: {answer[-600:]!r}")
