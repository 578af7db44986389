"""A server that answers what a test wrote down, to see what our client makes of it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from libs.common.exchange.endpoints import Endpoint

SILENCE_S = 3_600


@dataclass(frozen=True)
class Answer:
    """One reply; `drop` closes the connection instead, `silent` never answers."""

    body: Any = field(default_factory=lambda: {"retCode": 0, "retMsg": "OK", "result": {}, "time": 0})
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    silent: bool = False


def ok(**result: Any) -> Answer:
    return Answer({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1_000})


def no(code: int, text: str = "no", **headers: str) -> Answer:
    body = {"retCode": code, "retMsg": text, "result": {}, "retExtInfo": {}, "time": 1_000}
    return Answer(body, headers={name.replace("_", "-"): value for name, value in headers.items()})


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


class RawVenue:
    """REST answers in order (the last is repeated); every socket is told `frames` after its subscription."""

    def __init__(self) -> None:
        self.endpoint = Endpoint("", "", "")
        self.answers: deque[Answer] = deque([ok()])
        self.requests: list[Request] = []
        self.asked: list[Any] = []  # what was sent on sockets
        self.connections: deque[list[Any]] = deque()  # the frames of each coming connection, which then ends
        self.auth_ok = True

    def answer(self, *answers: Answer) -> None:
        self.answers = deque(answers)

    async def rest(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.requests.append(
            Request(
                request.method,
                request.path,
                dict(request.query),
                orjson.loads(raw) if raw else None,
                dict(request.headers),
            )
        )
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.popleft()
        if answer.silent:
            await asyncio.sleep(SILENCE_S)
        if answer.drop and request.transport:
            request.transport.close()
        body = answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
        return web.Response(body=body, status=answer.status, headers=answer.headers, content_type="application/json")

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        frames = self.connections.popleft() if self.connections else None
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            asked = orjson.loads(message.data)
            self.asked.append(asked)
            success = self.auth_ok or asked["op"] != "auth"
            reply = {"success": success, "ret_msg": "", "op": asked["op"], "conn_id": "1"}
            await socket.send_str(orjson.dumps(reply | {"req_id": asked.get("req_id", "")}).decode())
            if asked["op"] == "subscribe" and frames is not None:
                for frame in frames:
                    await socket.send_str(orjson.dumps(frame).decode())
                await socket.close()
        return socket


@asynccontextmanager
async def raw_venue() -> AsyncIterator[RawVenue]:
    """Serve on a free port of the loopback."""
    venue = RawVenue()
    app = web.Application()
    app.router.add_get("/v5/private", venue.socket)
    app.router.add_get("/v5/public/linear", venue.socket)
    app.router.add_route("*", "/{path:.*}", venue.rest)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    venue.endpoint = Endpoint(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}", f"ws://127.0.0.1:{port}")
    try:
        yield venue
    finally:
        await runner.cleanup()
