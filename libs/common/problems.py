"""Every error of a REST interface as application/problem+json (RFC 9457), whoever raised it, and said so in OpenAPI."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from libs.common.errors import TradingError

MEDIA_TYPE: Final = "application/problem+json"
_TITLES: Final = {404: "Not found", 405: "Method not allowed", 413: "Too large", 422: "Invalid request", 503: "Not now"}
_MOST: Final = 100  # characters of a wrong value that are shown


class Problem(BaseModel):
    """What went wrong; `detail` names the key, the value and what is allowed."""

    type: str
    title: str
    status: int
    detail: str


def problems(details: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route for its `responses`: status -> an example of its detail."""
    return {
        status: {
            "description": _title(status),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": {"type": "about:blank", "title": _title(status), "status": status, "detail": detail},
                }
            },
        }
        for status, detail in details.items()
    }


def answer_with_problems(app: FastAPI) -> None:
    """Make refusals, unknown paths and methods, invalid requests and TradingErrors of `app` say what is wrong."""

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, error.detail, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(422, "; ".join(f"{'.'.join(map(str, e['loc']))}{_value(e)}: {e['msg']}" for e in error.errors()))

    @app.exception_handler(ValueError)
    async def unreadable(_request: Request, error: ValueError) -> JSONResponse:
        return problem(422, str(error))

    @app.exception_handler(TradingError)
    async def unavailable(_request: Request, error: TradingError) -> JSONResponse:
        return problem(503, str(error))

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    body = Problem(type="about:blank", title=_title(status), status=status, detail=detail)
    return JSONResponse(body.model_dump(), status, headers=headers, media_type=MEDIA_TYPE)


def _title(status: int) -> str:
    return _TITLES.get(status, "Refused" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "Failed")


def _value(error: Mapping[str, Any]) -> str:
    """What was said, as far as it is worth showing; nothing was where something is missing."""
    if error["type"] in {"missing", "json_invalid"}:
        return ""
    said = repr(error["input"])
    return f" = {said if len(said) <= _MOST else said[:_MOST] + '…'}"
