"""GET /paper/v1/audit: the exchange's own truth, for whoever judges the ones that trade on it."""

import sqlite3
from typing import Protocol

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.common.errors import Refused
from services.paper_exchange.adapters.audit import audit
from services.paper_exchange.adapters.questions import Account
from services.paper_exchange.adapters.reception import Desk
from services.paper_exchange.core.fields import Fields


class Audited(Account, Desk, Protocol):
    """The world as an auditor sees it."""


def audit_routes(world: Audited, connection: sqlite3.Connection) -> list[Route]:
    """Return the route; unsigned, as the books of a paper exchange are no secret."""

    async def show(request: Request) -> Response:
        fields = Fields(dict(request.query_params))
        try:
            since, limit = fields.whole("since", 0) or 0, fields.whole("limit")
        except Refused as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        await world.durable()
        rows = audit(connection, world.books, world.moment(), since=since, limit=limit)
        return Response(orjson.dumps(rows), media_type="application/json")

    return [Route("/paper/v1/audit", show, methods=["GET"])]
