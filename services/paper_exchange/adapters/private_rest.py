"""The signed half of the REST API: who asks, how often, what; then the desk decides and the books are kept."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import parse_qsl

import orjson
from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.common.clock import Clock
from libs.common.errors import Refused
from services.paper_exchange.adapters.envelope import answer, refused
from services.paper_exchange.core import refusals as no
from services.paper_exchange.core.commands import COMMANDS
from services.paper_exchange.core.fields import Fields, Json
from services.paper_exchange.core.limits import Allowance, Limits
from services.paper_exchange.core.refusals import bad, refusal
from services.paper_exchange.core.signing import Signed, check_signature

MOST_BYTES: Final = 64 * 1024

Question = Callable[[Fields], Json]


class Desk(Protocol):
    """Who answers once it is known who asks."""

    def command(self, path: str, fields: Fields) -> Json: ...

    def refuse(self, path: str, fields: Fields, error: Refused) -> None:
        """Note a request that was refused before it reached the desk."""
        ...

    async def durable(self) -> None:
        """Return when everything so far is on disk."""
        ...


@dataclass(frozen=True, slots=True)
class Key:
    """The one key that the exchange accepts; `limits` None: no rate limits."""

    key: str
    secret: str
    limits: Limits | None


def private_routes(desk: Desk, key: Key, clock: Clock, questions: Mapping[str, Question]) -> list[Route]:
    """Return one route for every command and for every one of `questions`."""

    async def post(request: Request) -> Response:
        path, body = request.url.path, await _body(request)
        fields = Fields(_object(body) or {})

        async def act() -> Json:
            if _object(body) is None:
                raise bad("params error: the body is not a JSON object")
            return desk.command(path, fields)

        return await _answer(request, body, act, lambda error: desk.refuse(path, fields, error))

    async def get(request: Request) -> Response:
        raw = request.scope["query_string"]
        fields = Fields(_query(raw))

        async def act() -> Json:
            await desk.durable()
            return questions[request.url.path](fields)

        return await _answer(request, raw, act, lambda _error: None)

    async def _answer(
        request: Request, payload: bytes | None, act: Callable[[], Awaitable[Json]], note: Callable[[Refused], None]
    ) -> Response:
        now, path = clock.now(), request.url.path
        allowance = None
        try:
            if payload is None:
                raise bad(f"params error: the body is larger than {MOST_BYTES} bytes")
            check_signature(_signed(request, payload), key=key.key, secret=key.secret, now=now)
            allowance = key.limits.ask(path, now) if key.limits else None
            if allowance is not None and not allowance.granted:
                raise refusal(no.TOO_MANY)
        except Refused as error:
            note(error)
            response = refused(error, now)
        else:
            response = await _acted(act)
        await desk.durable()
        return response if allowance is None else _with_allowance(response, allowance)

    async def _acted(act: Callable[[], Awaitable[Json]]) -> Response:
        try:
            return answer(await act(), clock.now())
        except Refused as error:
            return refused(error, clock.now())

    return [
        *(Route(path, post, methods=["POST"]) for path in COMMANDS),
        *(Route(path, get, methods=["GET"]) for path in questions),
    ]


def _with_allowance(response: Response, allowance: Allowance) -> Response:
    """Add what the venue says about its limits; the reset of a refused call lies ahead."""
    response.headers["X-Bapi-Limit"] = str(allowance.limit)
    response.headers["X-Bapi-Limit-Status"] = str(allowance.left)
    response.headers["X-Bapi-Limit-Reset-Timestamp"] = str(allowance.reset_at)
    return response


def _signed(request: Request, payload: bytes) -> Signed:
    header = request.headers.get
    return Signed(
        key=header("x-bapi-api-key", ""),
        timestamp=header("x-bapi-timestamp", ""),
        window=header("x-bapi-recv-window", ""),
        sign=header("x-bapi-sign", ""),
        payload=payload,
    )


async def _body(request: Request) -> bytes | None:
    """Return the body, or None when it is larger than any order is."""
    taken = b""
    async for chunk in request.stream():
        taken += chunk
        if len(taken) > MOST_BYTES:
            return None
    return taken


def _object(body: bytes | None) -> dict[str, JsonValue] | None:
    try:
        value = orjson.loads(body or b"")
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _query(raw: bytes) -> dict[str, JsonValue]:
    return dict(parse_qsl(raw.decode("ascii", "replace"), keep_blank_values=True))
