"""WebSocket connections and what befalls them on order: pushed frames that are lost or come twice, cut lines.

It stands between an application and the network, and without a rule in force it only passes on.
"""

import asyncio

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.clock import Clock
from services.paper_exchange.adapters.http.connection import transport_of
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.faults.faults import FRAMES, Fault, Faults, Misfortune
from services.paper_exchange.core.faults.subject import Stream, of_frame


class UnrulySockets:
    """An application that serves `inner`, and knows every WebSocket connection that there is."""

    def __init__(self, inner: ASGIApp, faults: Faults, clock: Clock) -> None:
        self._inner, self._faults, self._clock = inner, faults, clock
        self._open = set[_Socket]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._inner(scope, receive, send)
            return
        socket = _Socket(stream_of(scope["path"]), send, self._faults, self._clock)
        self._open.add(socket)
        try:
            await self._inner(scope, receive, socket.send)
        finally:
            self._open.remove(socket)
            socket.close()

    def cut(self, stream: Stream | None) -> int:
        """Cut the connections of a stream, or all; returns how many there were."""
        met = [socket for socket in self._open if stream in {None, socket.stream}]
        for socket in met:
            socket.cut()
        return len(met)


def stream_of(path: str) -> Stream:
    """Which stream a path is: all that is neither private nor for trading is public."""
    last = path.rpartition("/")[2]
    return next((stream for stream in (Stream.PRIVATE, Stream.TRADE) if stream.value == last), Stream.PUBLIC)


class _Socket:
    """One connection; `send` is what its application sends with."""

    def __init__(self, stream: Stream, send: Send, faults: Faults, clock: Clock) -> None:
        self.stream = stream
        self._send, self._faults, self._clock = send, faults, clock
        self._held: list[Message] = []
        self._releases = set[asyncio.Task[None]]()

    def cut(self) -> None:
        """End the connection without a closing word."""
        transport_of(self._send).abort()

    def close(self) -> None:
        """The connection is over: forget what was held back."""
        for task in self._releases:
            task.cancel()

    async def send(self, message: Message) -> None:
        fault = self._met(message) if self._faults.has_any(FRAMES) else None
        if fault is None:
            await self._pass(message)
        elif fault.rule is Misfortune.DUPLICATE_FRAMES:
            await self._pass(message)
            await self._pass(message)
        elif fault.rule is Misfortune.DELAY_FRAMES:
            await self._clock.sleep(fault.delay_ms / 1_000)
            await self._pass(message)
        elif fault.rule is Misfortune.REORDER_FRAMES:
            self._hold(message, fault.delay_ms)

    def _met(self, message: Message) -> Fault | None:
        subject = of_frame(self.stream, _read(message)) if message["type"] == "websocket.send" else None
        hit = None if subject is None else self._faults.meet(FRAMES, subject, self._clock.monotonic_ms())
        return None if hit is None else hit.fault

    async def _pass(self, message: Message) -> None:
        """Send a frame, and after it those that were to come earlier."""
        await self._send(message)
        while self._held:
            await self._send(self._held.pop(0))

    def _hold(self, message: Message, most_ms: int) -> None:
        self._held.append(message)
        release = asyncio.create_task(self._release(message, most_ms))
        self._releases.add(release)
        release.add_done_callback(self._releases.discard)

    async def _release(self, message: Message, after_ms: int) -> None:
        await self._clock.sleep(after_ms / 1_000)
        if any(held is message for held in self._held):
            self._held.remove(message)
            await self._send(message)


def _read(message: Message) -> Json:
    frame = orjson.loads(message.get("text") or message["bytes"])
    return frame if isinstance(frame, dict) else {}
