"""The private WebSocket: orders, executions, positions and the wallet, pushed in the order in which they happened."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
import structlog
from pydantic import JsonValue
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from libs.common.clock import Clock
from libs.common.errors import Refused
from libs.common.ids import derive_id
from libs.common.units import Instant
from services.paper_exchange.adapters.reception import Key
from services.paper_exchange.core.fields import Json
from services.paper_exchange.core.frames import PrivateFrame
from services.paper_exchange.core.signing import check_stream_auth

log = structlog.get_logger()

TOPICS: Final = frozenset({"order", "execution", "position", "wallet"})
MOST_WAITING: Final = 10_000  # frames; a reader that far behind is cut off
ACK_DELAY_S: Final = 0.005  # some clients register a subscription only after sending it
MOST_TOPICS: Final = 50


@dataclass(slots=True, eq=False)
class Reader:
    """One connection: what it wants, and what it has not been sent yet."""

    number: int
    topics: dict[str, str] = field(default_factory=dict)  # the topic, and the name that it was asked for by
    waiting: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    known: bool = False

    def push(self, frame: bytes | None) -> bool:
        """Queue a frame; False when the reader is too far behind."""
        if self.waiting.full():
            return False
        self.waiting.put_nowait(frame)
        return True

    def clear(self) -> None:
        """Forget what waits."""
        while not self.waiting.empty():
            self.waiting.get_nowait()
            self.waiting.task_done()


class PrivateHub:
    """All private connections."""

    def __init__(self, clock: Clock, key: Key) -> None:
        self._clock = clock
        self._key = key
        self._readers: dict[int, Reader] = {}
        self._opened = 0

    def route(self) -> WebSocketRoute:
        return WebSocketRoute("/v5/private", self._serve)

    def push(self, frames: Sequence[PrivateFrame], at: Instant) -> None:
        """Queue `frames` (market time `at`) for everyone who subscribed to their topic."""
        for frame in frames:
            for reader in list(self._readers.values()):
                name = reader.topics.get(frame.topic)
                if name is not None and not reader.push(_frame(name, frame.row, at)):
                    self.drop(reader.number, "too far behind")

    async def settle(self) -> None:
        """End a step: return when everything pushed so far is on the wire, or its reader is gone."""
        for reader in list(self._readers.values()):
            await reader.waiting.join()

    def drop_all(self, reason: str) -> int:
        """Cut every connection; returns how many there were."""
        numbers = list(self._readers)
        for number in numbers:
            self.drop(number, reason)
        return len(numbers)

    def drop(self, number: int, reason: str) -> None:
        reader = self._readers.pop(number)
        log.warning("stream.dropped", reader=number, reason=reason)
        reader.clear()
        reader.push(None)

    async def _serve(self, socket: WebSocket) -> None:
        await socket.accept()
        self._opened += 1
        reader = self._readers[self._opened] = Reader(self._opened)
        writing = asyncio.create_task(_write(socket, reader))
        try:
            while True:
                asked = _message(await socket.receive_text())
                answer = self._answer(reader, asked)
                await self._clock.sleep(ACK_DELAY_S)
                if not reader.push(orjson.dumps(answer)):
                    break
        except (WebSocketDisconnect, RuntimeError):  # starlette raises the latter once our side has closed
            log.info("stream.closed", reader=reader.number)
        finally:
            self._readers.pop(reader.number, None)
            writing.cancel()
            reader.clear()

    def _answer(self, reader: Reader, asked: Json) -> Json:
        match asked.get("op"):
            case "ping":
                return {
                    "req_id": asked.get("req_id", ""),
                    "op": "pong",
                    "args": [str(self._clock.now())],
                    "conn_id": _conn_id(reader),
                }
            case "auth":
                return self._auth(reader, asked)
            case "subscribe" | "unsubscribe":
                return _subscribe(reader, asked)
            case _:
                return _told(reader, asked, "error:unknown op")

    def _auth(self, reader: Reader, asked: Json) -> Json:
        args = asked.get("args")
        key, expires, sign = (str(arg) for arg in args) if isinstance(args, list) and len(args) == 3 else ("", "", "")
        try:
            check_stream_auth(key, expires, sign, key=self._key.key, secret=self._key.secret, now=self._clock.now())
        except Refused as error:
            return _told(reader, asked, str(error))
        reader.known = True
        return _told(reader, asked, "")


def _subscribe(reader: Reader, asked: Json) -> Json:
    args = asked.get("args")
    names = [str(arg) for arg in args] if isinstance(args, list) else []
    topics = {name.removesuffix(".linear"): name for name in names}
    if not reader.known:
        return _told(reader, asked, "Request not authorized")
    if not names or len(names) > MOST_TOPICS or not set(topics) <= TOPICS:
        return _told(reader, asked, f"error:handler not found,topic:{','.join(names[:MOST_TOPICS])}")
    if asked["op"] == "subscribe":
        reader.topics.update(topics)
    else:
        for topic in topics:
            reader.topics.pop(topic, None)
    return _told(reader, asked, "")


def _told(reader: Reader, asked: Json, problem: str) -> Json:
    answer: Json = {
        "success": not problem,
        "ret_msg": problem,
        "op": str(asked.get("op", "")),
        "conn_id": _conn_id(reader),
    }
    return {**answer, "req_id": asked["req_id"]} if "req_id" in asked else answer


def _conn_id(reader: Reader) -> str:
    return derive_id("private", str(reader.number))


def _message(text: str) -> Json:
    try:
        value: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _frame(topic: str, row: Json, at: Instant) -> bytes:
    key = str(row.get("seq") or row.get("orderId") or "")
    return orjson.dumps({"id": derive_id(topic, key, str(at)), "topic": topic, "creationTime": at, "data": [row]})


async def _write(socket: WebSocket, reader: Reader) -> None:
    while True:
        frame = await reader.waiting.get()
        try:
            if frame is None:
                await socket.close()
                return
            await socket.send_text(frame.decode())
        finally:
            reader.waiting.task_done()
