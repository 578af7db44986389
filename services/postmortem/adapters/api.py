"""The reports over HTTP: lists, one as JSON or as a page, and statistics."""

from dataclasses import asdict
from typing import Annotated

import orjson
from fastapi import APIRouter, HTTPException, Query, Response
from fastapi.responses import HTMLResponse

from libs.common.contracts.bounds import LATEST
from libs.common.contracts.postmortems import Category, Severity
from services.postmortem.adapters.archive import Archive, as_bytes
from services.postmortem.adapters.index import Index, Wanted
from services.postmortem.adapters.page import page
from services.postmortem.core.statistics import Outcome, statistics


def routes(archive: Archive, index: Index) -> APIRouter:
    """Return the routes of the service; every answer is read from archive and index when it is asked for."""
    router = APIRouter(prefix="/v1")

    @router.get("/postmortems", summary="Reports, the newest first")
    async def reports(
        symbol: str | None = None,
        category: Category | None = None,
        severity: Severity | None = None,
        since: Annotated[int | None, Query(ge=0, le=LATEST, description="Closed at or after, market ms")] = None,
        until: Annotated[int | None, Query(ge=0, le=LATEST, description="Closed before, market ms")] = None,
        cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> Response:
        found = index.reported(
            Wanted(symbol, category, severity, since, until, None if cursor is None else place(cursor), limit)
        )
        after = place_of(found[-1]) if len(found) == limit else None
        read = (archive.read(outcome.trade_id) for outcome in found)
        return json({"items": [orjson.loads(as_bytes(report)) for report in read if report], "next": after})

    @router.get("/postmortems/{trade_id}.html", summary="One report as a page")
    async def report_page(trade_id: str) -> HTMLResponse:
        report = archive.read(trade_id)
        if report is None:
            raise HTTPException(404, f"no report of trade {trade_id}")
        return HTMLResponse(page(report))

    @router.get("/postmortems/{trade_id}", summary="One report, as it is on disk")
    async def report_json(trade_id: str) -> Response:
        report = archive.read(trade_id)
        if report is None:
            raise HTTPException(404, f"no report of trade {trade_id}")
        return Response(as_bytes(report), media_type="application/json")

    @router.get("/statistics", summary="Wins and losses, losses by category and severity")
    async def figures() -> Response:
        return json(asdict(statistics(index.outcomes())))

    return router


def place_of(outcome: Outcome) -> str:
    """The cursor after this trade."""
    return f"{outcome.closed_at}~{outcome.trade_id}"


def place(cursor: str) -> tuple[int, str]:
    """Read a cursor; raises the 422 that says so."""
    at, tilde, trade_id = cursor.partition("~")
    if not (tilde and at.isascii() and at.isdecimal() and int(at) <= LATEST):
        raise HTTPException(422, f"cursor {cursor!r}: pass `next` of the page before")
    return int(at), trade_id


def json(answer: dict[str, object]) -> Response:
    """Money as strings, whatever depth it lies in."""
    return Response(orjson.dumps(answer, default=str), media_type="application/json")
