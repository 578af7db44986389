"""The trade WebSocket: orders over a socket, judged by the same reception as those over REST.

1. Requests of one connection reach the desk in the order in which they came; answers may wait for each other's disk.
2. A request that was taken is carried out, even if its sender is gone before the answer.
"""

import asyncio
from collections import OrderedDict
from typing import Final

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from libs.common.clock import Clock
from libs.common.errors import Refused
from services.paper_exchange.adapters.http.envelope import Answer, Bare, Cut, limit_headers, refused
from services.paper_exchange.adapters.http.reception import Asked, Reception
from services.paper_exchange.adapters.sockets.lines import ACK_DELAY_S, Line, Lines
from services.paper_exchange.adapters.sockets.private_ws import authenticate
from services.paper_exchange.core.books import refusals as no
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.books.refusals import refusal
from services.paper_exchange.core.dialect.signing import Stamped

PATH: Final = "/v5/trade"
OPS: Final = {
    f"order.{act}{kind}": f"/v5/order/{act}{kind}" for act in ("create", "amend", "cancel") for kind in ("", "-batch")
}
MOST_AT_ONCE: Final = 64  # requests of a connection that are not answered yet
MOST_REMEMBERED: Final = 10_000  # ids of a connection's requests, of which none may come twice


class Requests:
    """What one connection asked: its ids, and its requests under way."""

    def __init__(self) -> None:
        self.under_way: set[asyncio.Task[None]] = set()
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_new(self, request_id: str) -> bool:
        """Whether an id is the first of its kind; requests without one always are."""
        if not request_id:
            return True
        if request_id in self._ids:
            return False
        self._ids[request_id] = None
        if len(self._ids) > MOST_REMEMBERED:
            self._ids.popitem(last=False)
        return True


class TradeHub:
    """All trade connections."""

    def __init__(self, reception: Reception, clock: Clock) -> None:
        self._reception, self._clock = reception, clock
        self._lines = Lines("trade")
        self._requests: dict[Line, Requests] = {}

    def route(self) -> WebSocketRoute:
        return WebSocketRoute(PATH, self._serve)

    async def _serve(self, socket: WebSocket) -> None:
        await self._lines.converse(socket, self._hear, lambda line: self._requests.pop(line, None))

    async def _hear(self, line: Line, asked: Json) -> None:
        op = asked.get("op")
        path = OPS.get(op) if isinstance(op, str) else None
        if path is not None:
            await self._begin(line, asked, path)
            return
        await self._clock.sleep(ACK_DELAY_S)
        match op:
            case "ping":
                pong: Json = {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [str(self._clock.now())]}
                line.say({"reqId": asked["reqId"], **pong, "connId": line.conn_id} if "reqId" in asked else pong)
            case "auth":
                line.say(self._auth(line, asked))
            case _:
                line.say(self._framed(line, asked, refused(refusal(no.UNKNOWN_OP))))

    def _auth(self, line: Line, asked: Json) -> Json:
        try:
            authenticate(line, asked, self._reception.key, self._clock.now())
        except Refused as error:
            code, text = error.code, str(error)
        else:
            code, text = 0, "OK"
        return {"retCode": code, "retMsg": text, "op": "auth", "connId": line.conn_id}

    async def _begin(self, line: Line, asked: Json, path: str) -> None:
        """Start on a request; wait only if too many are under way."""
        mine = self._requests.setdefault(line, Requests())
        task = asyncio.create_task(self._answer(line, asked, path, is_new=mine.is_new(str(asked.get("reqId", "")))))
        mine.under_way.add(task)
        task.add_done_callback(mine.under_way.discard)
        if len(mine.under_way) >= MOST_AT_ONCE:
            await asyncio.wait(mine.under_way, return_when=asyncio.FIRST_COMPLETED)

    async def _answer(self, line: Line, asked: Json, path: str, *, is_new: bool) -> None:
        request = _read(asked, path)
        if line.known and is_new:
            reply = await self._reception.take(request)
        else:
            code = no.DUPLICATE_REQUEST if line.known else no.NOT_ALLOWED
            reply = await self._reception.turn_away(path, request.fields, refusal(code))
        await self._clock.sleep(ACK_DELAY_S)
        match reply:
            case Answer():
                line.say(self._framed(line, asked, reply))
            case Bare():
                line.outbox.put(reply.body.decode(errors="replace"))
            case Cut():
                line.outbox.give_up("cut")

    def _framed(self, line: Line, asked: Json, answer: Answer) -> Json:
        wall = self._clock.now()
        limits = {} if answer.allowance is None else limit_headers(answer.allowance, wall)
        return {
            "reqId": asked.get("reqId", ""),
            "retCode": answer.code,
            "retMsg": answer.text,
            "op": asked.get("op", ""),
            "data": answer.result if isinstance(answer.result, dict) else {},
            "retExtInfo": answer.extra,
            "header": {**limits, "Timenow": str(wall)},
            "connId": line.conn_id,
        }


def _read(asked: Json, path: str) -> Asked:
    """A request as REST would have brought it: its one argument is the body, its header the time."""
    args, header = asked.get("args"), asked.get("header")
    body = args[0] if isinstance(args, list) and args else None
    stamps = Fields(header if isinstance(header, dict) else {})
    proof = Stamped(_word(stamps, "X-BAPI-TIMESTAMP"), _word(stamps, "X-BAPI-RECV-WINDOW"))
    if isinstance(body, dict):
        return Asked("POST", path, Fields(body), proof)
    return Asked("POST", path, Fields({}), proof, "params error: args must hold one object")


def _word(stamps: Fields, name: str) -> str:
    """A number that may be written as one or as text; what is neither is no instant."""
    try:
        return stamps.text(name)
    except Refused:
        return "-"
