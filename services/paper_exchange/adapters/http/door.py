"""The venue's door: every HTTP request under /v5 is read here, and answered in the venue's words, whatever it is.

1. What cannot be read is refused in the envelope, never with a 500, and is not read further than it must be.
2. An address that knocks too often hears so outside the envelope, and then nothing else for ten minutes.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from pydantic import JsonValue
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.clock import Clock
from libs.common.errors import Refused
from services.paper_exchange.adapters.http.connection import hang_up
from services.paper_exchange.adapters.http.envelope import Answer, Bare, Cut, Reply, enveloped, limit_headers
from services.paper_exchange.adapters.http.reception import Asked, Reception
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.books.refusals import bad
from services.paper_exchange.core.dialect.reading import read_json
from services.paper_exchange.core.dialect.signing import Signed

MOST_BYTES: Final = 64 * 1024  # of a body; no order is as large
MOST_QUERY: Final = 8 * 1024
PREFIX: Final = "/v5"
JSON_TYPE: Final = (b"content-type", b"application/json; charset=utf-8")
TOO_OFTEN: Final = Bare(403, b"403, access too frequent")
_PROOF: Final = {b"x-bapi-api-key": 0, b"x-bapi-timestamp": 1, b"x-bapi-recv-window": 2, b"x-bapi-sign": 3}


class Door:
    """An application that serves /v5 itself and leaves all else to `inner`."""

    def __init__(self, reception: Reception, inner: ASGIApp, clock: Clock) -> None:
        self._reception, self._inner, self._clock = reception, inner, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http" and scope["path"].startswith(PREFIX):
            await self._send(await self._reply(scope, receive), receive, send)
        elif kind == "websocket" and not self._connects(scope):
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._inner(scope, receive, send)

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        limits = self._reception.key.limits
        if limits and not limits.admits(_address(scope), self._clock.monotonic_ms()):
            return TOO_OFTEN
        method, path, raw = scope["method"], scope["path"], scope["query_string"]
        if len(raw) > MOST_QUERY:
            return await self._turn_away(path, f"params error: query longer than {MOST_QUERY} bytes")
        if method != "POST":
            fields = Fields(_query(raw) if raw else {})
            return await self._reception.take(Asked(method, path, fields, _signed(scope, raw)))
        body = await _body(receive)
        if body is None:
            return await self._turn_away(path, f"params error: body larger than {MOST_BYTES} bytes")
        read = _object(body)
        problem = "" if read is not None else "params error: the body is not a JSON object"
        return await self._reception.take(Asked(method, path, Fields(read or {}), _signed(scope, body), problem))

    async def _turn_away(self, path: str, why: str) -> Answer:
        return await self._reception.turn_away(path, Fields({}), bad(why))

    async def _send(self, reply: Reply, receive: Receive, send: Send) -> None:
        match reply:
            case Answer():
                wall = self._clock.now()
                headers = {} if reply.allowance is None else limit_headers(reply.allowance, wall)
                await _respond(send, 200, enveloped(reply, wall), JSON_TYPE, headers)
            case Bare():
                await _respond(send, reply.status, reply.body, (b"content-type", b"text/html"), {})
            case Cut():
                await hang_up(receive, send)

    def _connects(self, scope: Scope) -> bool:
        limits = self._reception.key.limits
        return limits is None or limits.connects(_address(scope), self._clock.monotonic_ms())


async def _respond(
    send: Send, status: int, body: bytes, content_type: tuple[bytes, bytes], more: Mapping[str, str]
) -> None:
    headers = [content_type, (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in more.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _signed(scope: Scope, payload: bytes) -> Signed:
    """The four headers of a signed request; those that are missing are empty."""
    found = ["", "", "", ""]
    for name, value in scope["headers"]:
        place = _PROOF.get(name)
        if place is not None:
            found[place] = value.decode("latin-1")
    key, timestamp, window, sign = found
    return Signed(key, timestamp, window, sign, payload)


async def _body(receive: Receive) -> bytes | None:
    """Return the body, or None when it is larger than any order is."""
    taken = b""
    while True:
        message = await receive()
        chunk: bytes = message.get("body", b"")
        taken += chunk
        if len(taken) > MOST_BYTES:
            return None
        if not message.get("more_body"):
            return taken


def _object(body: bytes) -> dict[str, JsonValue] | None:
    try:
        value = read_json(body)
    except Refused:
        return None
    return value if isinstance(value, dict) else None


def _query(raw: bytes) -> dict[str, JsonValue]:
    """The parameters; of one that is given twice the first counts."""
    pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, errors="replace")
    return dict(reversed(pairs))
