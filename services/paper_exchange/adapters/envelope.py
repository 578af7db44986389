"""The wrapping that every REST answer of the venue has."""

from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response

from libs.common.clock import Clock
from libs.common.errors import Refused
from libs.common.units import Instant
from services.paper_exchange.core.fields import Json
from services.paper_exchange.core.refusals import BAD_PARAMETER

Handler = Callable[[Request], Awaitable[Response]]


def answer(result: Json, wall: Instant) -> Response:
    return _response({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": wall})


def refused(error: Refused, wall: Instant) -> Response:
    """A refusal is HTTP 200 with a code: clients look at the body only then."""
    code = BAD_PARAMETER if error.code is None else error.code
    return _response({"retCode": code, "retMsg": str(error), "result": {}, "retExtInfo": {}, "time": wall})


def answering(read: Callable[[Request], Json], clock: Clock) -> Handler:
    """Return the handler that answers with what `read` returns, or with the refusal that it raises."""

    async def handle(request: Request) -> Response:
        try:
            return answer(read(request), clock.now())
        except Refused as error:
            return refused(error, clock.now())

    return handle


def _response(body: Json) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
