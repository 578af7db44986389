"""Every error of a REST interface as application/problem+json (RFC 9457), whoever raised it."""

from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from libs.common.errors import TradingError

_TITLES: Final = {404: "Not found", 405: "Method not allowed", 422: "Invalid request"}


def answer_with_problems(app: FastAPI) -> None:
    """Make refusals, unknown paths and methods, invalid requests and TradingErrors of `app` say what is wrong."""

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        title = _TITLES.get(error.status_code, "Refused")
        return _problem(error.status_code, title, error.detail, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return _problem(422, _TITLES[422], wrong)

    @app.exception_handler(ValueError)
    async def unreadable(_request: Request, error: ValueError) -> JSONResponse:
        return _problem(422, _TITLES[422], str(error))

    @app.exception_handler(TradingError)
    async def unavailable(_request: Request, error: TradingError) -> JSONResponse:
        return _problem(503, "Not now", str(error))


def _problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")
