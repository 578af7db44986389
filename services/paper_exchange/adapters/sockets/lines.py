"""WebSocket connections of one kind: what a client says is heard in order, what it is told never waits for it.

1. Whatever a client sends is an object to whoever hears it: what is not JSON is an empty one.
2. A client that cannot keep up is cut off, and so is one with which nobody has spoken for long.
3. A frame for many is written once.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final

import orjson
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from libs.common.errors import Refused
from libs.common.ids import derive_id
from services.paper_exchange.adapters.sockets.outbox import Outbox
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.dialect.reading import read_json

log = structlog.get_logger()

ACK_DELAY_S: Final = 0.01  # some clients note what they asked for only after asking, and are upset by a quick answer
LONGEST_IDLE_S: Final = 600  # without a word from either side; a client may ask for less
SHORTEST_IDLE_S: Final = 30
PATIENCE_S: Final = 10  # for a client that does not take its frames while a step, or its end, waits
CUT_OFF: Final = 1008
_ACTIVE_TIME: Final = re.compile(r"(\d{1,4})(s|m)", re.ASCII)


class Line:
    """One connection, and whether its owner is `known`."""

    def __init__(self, conn_id: str, outbox: Outbox) -> None:
        self.conn_id = conn_id
        self.outbox = outbox
        self.known = False

    def say(self, message: Json) -> None:
        self.outbox.put(orjson.dumps(message).decode())


Hear = Callable[[Line, Json], Awaitable[None]]


class Lines:
    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._open: set[Line] = set()
        self._opened = 0

    async def converse(self, socket: WebSocket, hear: Hear, gone: Callable[[Line], object]) -> None:
        """Run one connection until either side ends it; `hear` gets every message, one after the other."""
        await socket.accept()
        self._opened += 1
        line = Line(derive_id(self._kind, str(self._opened)), Outbox(socket))
        outbox = line.outbox
        self._open.add(line)
        jobs = {
            asyncio.create_task(job) for job in (outbox.send_all(), outbox.given_up.wait(), _listen(socket, line, hear))
        }
        try:
            ended, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            with suppress(WebSocketDisconnect):
                for job in ended:
                    job.result()
        finally:
            self._open.discard(line)
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            outbox.close()
            gone(line)
        if outbox.given_up.is_set():
            log.warning("stream.dropped", kind=self._kind, connection=line.conn_id, reason=outbox.reason)
            await _hang_up(socket)

    def tell(self, audience: Iterable[Line], frame: Json) -> None:
        """Send a pushed frame to each of `audience`."""
        text = orjson.dumps(frame).decode()
        for line in audience:
            line.outbox.put(text)

    async def drained(self) -> None:
        """Return when all that was told so far is on the wire, or whoever does not take it is given up."""
        for line in tuple(self._open):
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await line.outbox.drained()
            except TimeoutError:
                line.outbox.give_up("does not take its frames")


async def _listen(socket: WebSocket, line: Line, hear: Hear) -> None:
    idle_s = idle_seconds(socket.query_params.get("max_active_time", ""))
    while True:
        sent = line.outbox.sent
        try:
            async with asyncio.timeout(idle_s):
                message = await socket.receive()
        except TimeoutError:
            if line.outbox.sent > sent:
                continue
            line.outbox.give_up("idle")
            return
        if message["type"] == "websocket.disconnect":
            return
        await hear(line, _object(message.get("text") or message.get("bytes") or ""))


async def _hang_up(socket: WebSocket) -> None:
    """Say that it is over, unless it is already, or nobody listens any more."""
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await socket.close(CUT_OFF)


def idle_seconds(asked: str) -> int:
    """Read `max_active_time`, such as 30s or 2m; what cannot be read is the usual."""
    found = _ACTIVE_TIME.fullmatch(asked)
    if found is None:
        return LONGEST_IDLE_S
    seconds = int(found[1]) * (60 if found[2] == "m" else 1)
    return min(max(seconds, SHORTEST_IDLE_S), LONGEST_IDLE_S)


def told(line: Line, asked: Json, problem: str) -> Json:
    """The acknowledgement of what a client asked; req_id comes back as it was, type and all."""
    return {
        "success": not problem,
        "ret_msg": problem,
        "conn_id": line.conn_id,
        "req_id": asked.get("req_id", ""),
        "op": str(asked.get("op", "")),
    }


def names(asked: Json) -> list[str]:
    """The topics that a client names."""
    args = asked.get("args")
    return [str(arg) for arg in args] if isinstance(args, list) else []


def _object(said: str | bytes) -> Json:
    try:
        value = read_json(said)
    except Refused:
        return {}
    return value if isinstance(value, dict) else {}
