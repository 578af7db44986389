"""The exchange's door to the network, where requests get lost and answers spoilt on order.

It is the outermost layer: what it lets through has met none of the exchange's own checks yet, and without a rule in
force it only looks the other way.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import parse_qsl

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.clock import Clock
from libs.common.errors import Refused
from services.paper_exchange.adapters.connection import hang_up
from services.paper_exchange.adapters.envelope import refused
from services.paper_exchange.adapters.unruly_socket import UnrulySocket, stream_of
from services.paper_exchange.core.faults import REQUESTS, Fault, Faults, Misfortune
from services.paper_exchange.core.fields import Fields, Json
from services.paper_exchange.core.refusals import refusal
from services.paper_exchange.core.subject import Stream, of_request

MOST_READ: Final = 256 * 1024  # of a body, to see what it is about
GARBAGE: Final = b'{"retCode":0,"re\x00\xff\xfe<html>'

M = Misfortune
Note = Callable[[str, Fields, Refused], None]


class Sockets:
    """Every WebSocket connection that there is."""

    def __init__(self) -> None:
        self._open = set[UnrulySocket]()

    def cut(self, stream: Stream | None) -> int:
        """Cut the connections of a stream, or all; returns how many there were."""
        met = [socket for socket in self._open if stream in {None, socket.stream}]
        for socket in met:
            socket.cut()
        return len(met)

    @contextmanager
    def holding(self, socket: UnrulySocket) -> Iterator[None]:
        """Know of a connection while the block runs."""
        self._open.add(socket)
        try:
            yield
        finally:
            self._open.remove(socket)
            socket.close()


class Door:
    """`note` writes down a request that was refused before the application saw it."""

    def __init__(self, app: ASGIApp, faults: Faults, sockets: Sockets, note: Note, clock: Clock) -> None:
        self._app, self._faults, self._sockets, self._note, self._clock = app, faults, sockets, note, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http" and self._faults.has_any(REQUESTS) and scope["path"].startswith("/v5/"):
            await self._request(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = UnrulySocket(stream_of(scope["path"]), receive, send, self._faults, self._clock)
        with self._sockets.holding(socket):
            await self._app(scope, socket.receive, socket.send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        read, asked = await _read(scope, receive)
        path = scope["path"]
        hit = self._faults.meet(REQUESTS, of_request(path, asked), self._clock.now())
        again = _replayed(read, receive)
        if hit is None:
            await self._app(scope, again, send)
            return
        fault = hit.fault
        if fault.rule is M.DELAY:
            await self._clock.sleep(fault.delay_ms / 1_000)
            await self._app(scope, again, send)
            return
        if fault.rule is M.DROP_REPLY or fault.accepted:
            await self._app(scope, again, _nowhere)
        if fault.rule in {M.DROP_REPLY, M.LOSE_REQUEST}:
            await hang_up(receive, send)
        else:
            await self._spoilt(path, asked, fault)(scope, receive, send)

    def _spoilt(self, path: str, asked: Json, fault: Fault) -> Response:
        if fault.rule is M.HTTP_ERROR:
            page = f"<html><head><title>{fault.status}</title></head><body>{fault.status}</body></html>"
            return Response(page, status_code=fault.status, media_type="text/html")
        if fault.rule is M.UNREADABLE:
            return Response(GARBAGE, media_type="application/json")
        error = refusal(fault.ret_code, fault.ret_msg)
        self._note(path, Fields(asked), error)
        return refused(error, self._clock.now())


async def _read(scope: Scope, receive: Receive) -> tuple[list[Message], Json]:
    """Read what is asked, as far as it is sensible, and what it is about."""
    if scope["method"] == "GET":
        return [], dict(parse_qsl(scope["query_string"].decode("ascii", "replace"), keep_blank_values=True))
    read, size, more = list[Message](), 0, True
    while more and size <= MOST_READ:
        message = await receive()
        read.append(message)
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    try:
        body = orjson.loads(b"".join(message.get("body", b"") for message in read))
    except orjson.JSONDecodeError:
        return read, {}
    return read, body if isinstance(body, dict) else {}


def _replayed(read: list[Message], receive: Receive) -> Receive:
    """Return a `receive` that begins with what was read already."""
    left = iter(read)

    async def again() -> Message:
        message = next(left, None)
        return await receive() if message is None else message

    return again


async def _nowhere(_message: Message) -> None:
    """Where an answer goes that nobody gets."""
