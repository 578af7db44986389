"""GET /paper/v1/audit: the exchange's own truth, for whoever judges the ones that trade on it."""

from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from libs.common.clock import Clock
from libs.common.errors import Refused
from services.paper_exchange.adapters.disk.audit import totals
from services.paper_exchange.adapters.disk.books_file import BooksFile
from services.paper_exchange.adapters.http.audit_page import read_place, span, told
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Moment

MOST: Final = 1_000_000  # rows of a list in one answer


class Audited(Protocol):
    """The world as an auditor sees it."""

    @property
    def books(self) -> Books: ...

    def close_instant(self) -> Moment:
        """Keep everything so far; whatever follows has a later wall."""
        ...


def audit_routes(world: Audited, file: BooksFile, clock: Clock) -> list[Route]:
    """Return the route; unsigned, as the books of a paper exchange are no secret."""

    async def show(request: Request) -> Response:
        query = request.query_params
        try:
            after, limit = read_place(query.get("since", "0")), _limit(query.get("limit"))
        except Refused as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        moment = world.close_instant()
        snapshot = file.snapshot()
        page = span(snapshot, after, moment.wall, limit)
        rows = told(snapshot, page, moment, totals(world.books), clock)
        return StreamingResponse(rows, media_type="application/json")

    return [Route("/paper/v1/audit", show, methods=["GET"])]


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST and len(text) <= 9):
        raise Refused(f"limit = {text[:50]!r}: must be a whole number from 1 to {MOST}")
    return int(text)
