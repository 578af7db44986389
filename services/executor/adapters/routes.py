"""How a route of the executor's interface is declared, and how its lists are asked for."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import JsonValue

from libs.common.contracts.bounds import LATEST
from services.executor.adapters.list_rows import Asked

Json = dict[str, JsonValue]


def asked(
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: str = "",
    symbol: str = "",
    since: Annotated[int | None, Query(ge=0, le=LATEST)] = None,
    until: Annotated[int | None, Query(ge=0, le=LATEST)] = None,
) -> Asked:
    return Asked(limit, cursor, symbol, since, until)


List = Annotated[Asked, Depends(asked)]


def route(routes: APIRouter, method: str) -> Callable[..., None]:
    """What adds an endpoint to `routes`, with a sentence for the reader of `/docs`."""

    def add(path: str, endpoint: Callable[..., Awaitable[Json]], summary: str, status: int = 200) -> None:
        routes.add_api_route(path, endpoint, methods=[method], summary=summary, status_code=status, tags=["v1"])

    return add
