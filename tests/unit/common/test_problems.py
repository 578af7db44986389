from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, HTTPException

from libs.common.errors import Transient
from libs.common.problems import answer_with_problems


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    answer_with_problems(app)

    @app.get("/refuse")
    async def refuse() -> None:
        raise HTTPException(401, "a token is needed", headers={"WWW-Authenticate": "Bearer"})

    @app.get("/wait")
    async def wait(minutes: int = 5) -> None:
        raise Transient(f"come back in {minutes} minutes")

    @app.get("/misread")
    async def misread() -> None:
        raise ValueError("no cursor of ours")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as opened:
        yield opened


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/refuse", 401, "a token is needed"),
        ("GET", "/nowhere", 404, "Not Found"),
        ("DELETE", "/refuse", 405, "Method Not Allowed"),
        ("GET", "/wait?minutes=x", 422, "query.minutes"),
        ("GET", "/misread", 422, "no cursor of ours"),
        ("GET", "/wait", 503, "come back in 5 minutes"),
    ],
)
async def test_every_error_is_a_problem_that_says_what_is_wrong(
    client: httpx.AsyncClient, method: str, path: str, status: int, detail: str
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert detail in told["detail"]


async def test_what_the_refusal_says_in_its_headers_is_kept(client: httpx.AsyncClient) -> None:
    assert (await client.get("/refuse")).headers["www-authenticate"] == "Bearer"
