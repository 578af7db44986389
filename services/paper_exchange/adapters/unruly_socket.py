"""One WebSocket connection and the misfortunes on its way: pushed frames, orders sent over it, its end."""

import asyncio
from collections.abc import Mapping
from typing import Final

import orjson
from starlette.types import Message, Receive, Send

from libs.common.clock import Clock
from services.paper_exchange.adapters.connection import transport_of
from services.paper_exchange.core.faults import FRAMES, REQUESTS, Fault, Faults, Misfortune
from services.paper_exchange.core.fields import Json
from services.paper_exchange.core.refusals import refusal
from services.paper_exchange.core.subject import Stream, Subject, of_frame, of_request

GARBAGE: Final = '{"retCode":0,"re\x00\ufffd'
SERVER_ERROR: Final = 10016
MOST_OWED: Final = 1_000  # answers that are to be spoilt
STREAMS: Final[Mapping[str, Stream]] = {
    "/v5/private": Stream.PRIVATE,
    "/v5/trade": Stream.TRADE,
}

M = Misfortune


class UnrulySocket:
    """Stands between an application and its connection; `receive` and `send` are the application's."""

    def __init__(self, stream: Stream, receive: Receive, send: Send, faults: Faults, clock: Clock) -> None:
        self.stream = stream
        self._receive, self._send = receive, send
        self._faults, self._clock = faults, clock
        self._held: list[Message] = []
        self._owed: dict[str, Fault] = {}  # answers to be spoilt, by reqId
        self._later = set[asyncio.Task[None]]()

    def cut(self) -> None:
        """End the connection without a closing word."""
        transport_of(self._send).abort()

    def close(self) -> None:
        """The connection is over: forget what was held back."""
        for task in self._later:
            task.cancel()

    async def receive(self) -> Message:
        """Return the next message that gets through."""
        while True:
            message = await self._receive()
            if self.stream is not Stream.TRADE or not self._faults.has_any(REQUESTS):
                return message
            if await self._gets_through(message):
                return message

    async def send(self, message: Message) -> None:
        if message["type"] != "websocket.send":
            await self._send(message)
        elif self._owed and (fault := self._owed.pop(_id_of(_json(message)), None)) is not None:
            await self._spoil(message, fault)
        elif (hit := self._met(message)) is not None:
            await self._push(message, hit)
        else:
            await self._pass(message)

    async def _gets_through(self, message: Message) -> bool:
        """Let a misfortune befall an order on its way in; False when the application never hears of it."""
        asked = _json(message)
        subject = _subject(asked)
        hit = None if subject is None else self._faults.meet(REQUESTS, subject, self._clock.now())
        if hit is None:
            return True
        fault = hit.fault
        if fault.rule is M.DELAY:
            await self._clock.sleep(fault.delay_ms / 1_000)
            return True
        if fault.rule is M.LOSE_REQUEST:
            return False
        if fault.rule is M.DROP_REPLY or fault.accepted:
            if len(self._owed) < MOST_OWED:
                self._owed[_id_of(asked)] = fault
            return True
        await self._pass(_text(GARBAGE if fault.rule is M.UNREADABLE else _refusal(asked, fault)))
        return False

    async def _spoil(self, message: Message, fault: Fault) -> None:
        if fault.rule is M.UNREADABLE:
            await self._pass(_text(GARBAGE))
        elif fault.rule is M.HTTP_ERROR:
            await self._pass(_text(_refusal(_json(message), fault)))

    def _met(self, message: Message) -> Fault | None:
        if not self._faults.has_any(FRAMES):
            return None
        subject = of_frame(self.stream, _json(message))
        hit = None if subject is None else self._faults.meet(FRAMES, subject, self._clock.now())
        return None if hit is None else hit.fault

    async def _push(self, message: Message, fault: Fault) -> None:
        if fault.rule is M.DUPLICATE_FRAMES:
            await self._pass(message)
            await self._pass(message)
        elif fault.rule is M.DELAY_FRAMES:
            await self._clock.sleep(fault.delay_ms / 1_000)
            await self._pass(message)
        elif fault.rule is M.REORDER_FRAMES:
            self._hold(message, fault.delay_ms)

    async def _pass(self, message: Message) -> None:
        """Send a frame, and after it those that were to come earlier."""
        await self._send(message)
        while self._held:
            await self._send(self._held.pop(0))

    def _hold(self, message: Message, most_ms: int) -> None:
        self._held.append(message)
        task = asyncio.create_task(self._release(message, most_ms))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _release(self, message: Message, after_ms: int) -> None:
        await self._clock.sleep(after_ms / 1_000)
        if any(held is message for held in self._held):
            self._held.remove(message)
            await self._send(message)


def stream_of(path: str) -> Stream:
    return STREAMS.get(path, Stream.PUBLIC)


def _subject(asked: Json) -> Subject | None:
    """What an order sent over the trade stream is about; None for a word about the connection itself."""
    op, args = asked.get("op"), asked.get("args")
    if not isinstance(op, str) or not op.startswith("order."):
        return None
    first = args[0] if isinstance(args, list) and args and isinstance(args[0], dict) else {}
    return of_request(f"/v5/{op.replace('.', '/')}", first)


def _refusal(asked: Json, fault: Fault) -> str:
    error = refusal(fault.ret_code if fault.rule is not M.HTTP_ERROR else SERVER_ERROR, fault.ret_msg)
    told: Json = {"reqId": _id_of(asked), "retCode": error.code, "retMsg": str(error), "op": asked.get("op")}
    return orjson.dumps({**told, "data": {}, "retExtInfo": {}, "header": {}, "connId": ""}).decode()


def _id_of(frame: Json) -> str:
    return str(frame.get("reqId", ""))


def _text(text: str) -> Message:
    return {"type": "websocket.send", "text": text}


def _json(message: Message) -> Json:
    """Read a message as the object that it is; anything else is empty."""
    try:
        value = orjson.loads(message.get("text") or message.get("bytes") or b"")
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
