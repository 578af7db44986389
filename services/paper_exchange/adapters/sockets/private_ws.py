"""The private WebSocket: orders, executions, positions and the wallet, pushed in the order in which they happened."""

from collections.abc import Sequence
from typing import Final

import structlog
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from libs.common.clock import Clock
from libs.common.errors import Refused
from libs.common.ids import derive_id
from libs.common.units import Instant
from services.paper_exchange.adapters.http.reception import Key
from services.paper_exchange.adapters.sockets.lines import ACK_DELAY_S, Line, Lines, names, told
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.dialect.frames import PrivateFrame
from services.paper_exchange.core.dialect.signing import check_stream_auth

log = structlog.get_logger()

PATH: Final = "/v5/private"
TOPICS: Final = frozenset({"order", "execution", "position", "wallet"})
MOST_TOPICS: Final = 50


class PrivateHub:
    """All private connections, and what each of them subscribed to, by the topic and the name it was asked for by."""

    def __init__(self, clock: Clock, key: Key) -> None:
        self._clock, self._key = clock, key
        self._lines = Lines("private")
        self._wanted: dict[Line, dict[str, str]] = {}
        self._pushed = 0

    def route(self) -> WebSocketRoute:
        return WebSocketRoute(PATH, self._serve)

    def push(self, frames: Sequence[PrivateFrame], at: Instant) -> None:
        """Queue `frames` (market time `at`) for everyone who subscribed to their topic."""
        if not self._wanted:
            return
        for frame in frames:
            self._pushed += 1
            for name in (frame.topic, f"{frame.topic}.linear"):
                audience = [line for line, topics in self._wanted.items() if topics.get(frame.topic) == name]
                if audience:
                    self._lines.tell(audience, _frame(name, frame.row, at, self._pushed))

    async def settle(self) -> None:
        """End a step: return when everything pushed so far is on the wire, or its reader is gone."""
        await self._lines.drained()

    async def _serve(self, socket: WebSocket) -> None:
        await self._lines.converse(socket, self._hear, lambda line: self._wanted.pop(line, None))

    async def _hear(self, line: Line, asked: Json) -> None:
        await self._clock.sleep(ACK_DELAY_S)
        line.say(self._answer(line, asked))

    def _answer(self, line: Line, asked: Json) -> Json:
        match asked.get("op"):
            case "ping":
                return {
                    "req_id": asked.get("req_id", ""),
                    "op": "pong",
                    "args": [str(self._clock.now())],
                    "conn_id": line.conn_id,
                }
            case "auth":
                return self._auth(line, asked)
            case "subscribe" | "unsubscribe":
                return told(line, asked, self._subscribe(line, asked))
            case _:
                return told(line, asked, "error:unknown op")

    def _auth(self, line: Line, asked: Json) -> Json:
        """The one acknowledgement without a req_id, unless it was asked with one."""
        problem = ""
        try:
            authenticate(line, asked, self._key, self._clock.now())
        except Refused as error:
            problem = str(error)
        answer = told(line, asked, problem)
        return {name: value for name, value in answer.items() if name in asked or name != "req_id"}

    def _subscribe(self, line: Line, asked: Json) -> str:
        """Do it, or return why not."""
        wanted = names(asked)
        topics = {name.removesuffix(".linear"): name for name in wanted}
        if not line.known:
            return "Request not authorized"
        if not wanted or len(wanted) > MOST_TOPICS or not set(topics) <= TOPICS:
            return f"error:handler not found,topic:{','.join(wanted[:MOST_TOPICS])}"
        mine = self._wanted.setdefault(line, {})
        for topic, name in topics.items():
            mine.pop(topic, None)
            if asked["op"] == "subscribe":
                mine[topic] = name
        return ""


def authenticate(line: Line, asked: Json, key: Key, now: Instant) -> None:
    """Know the line's owner from now on; raises Refused when it is not the holder of `key`."""
    args = names(asked)
    given, expires, sign = args if len(args) == 3 else ("", "", "")
    check_stream_auth(given, expires, sign, key=key.key, secret=key.secret, now=now)
    line.known = True


def _frame(topic: str, row: Json, at: Instant, number: int) -> Json:
    """No two frames have one id, as many as there are of an order in one moment."""
    return {"id": derive_id(topic, str(number), str(at)), "topic": topic, "creationTime": at, "data": [row]}
