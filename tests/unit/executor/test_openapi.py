"""The served OpenAPI document says everything that a client needs, and nothing that is not so."""

import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, SecretStr

from libs.common.exchange.trading_types import Action
from libs.common.settings.sections import ApiSection
from libs.common.units import Qty
from services.executor.adapters.answers import Answer, Trade
from services.executor.adapters.rest import executor_app
from tests.support import builders
from tests.support.trading_room import BTC, ETH, SOL, Room, Running, signal

OWNER = {"Authorization": "Bearer secret"}
READS = {
    "/v1/status",
    "/v1/positions",
    "/v1/positions/{key}",
    "/v1/session",
    "/v1/trades",
    "/v1/trades/{trade_id}",
    "/v1/orders",
    "/v1/intents",
    "/v1/declined",
    "/v1/recovery",
    "/v1/balance",
}
COMMANDS = {
    "/v1/entries/pause",
    "/v1/entries/resume",
    "/v1/halt",
    "/v1/flatten",
    "/v1/detach",
    "/v1/recovery/accept",
    "/v1/positions/{symbol}/close",
}
HOUSEKEEPING = {"/v1/recovery/clear", "/v1/recovery/test", "/v1/recovery/rebuild"}


@pytest.fixture
async def desk(tmp_path: Path) -> Running:
    return await Room(tmp_path).executor().starts()


@pytest.fixture
def app(desk: Running) -> FastAPI:
    api = ApiSection(token=SecretStr("secret"))
    return executor_app(desk.desk, desk.bus, api, desk.room.home, desk.executor.rebuild.run)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://executor", headers=OWNER) as made:
        yield made


@pytest.fixture
async def document(client: httpx.AsyncClient) -> Any:
    return (await client.get("/openapi.json")).json()


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/v1/"):
                yield method, path, operation


def models(family: type[BaseModel] = Answer) -> dict[str, type[BaseModel]]:
    """Every model that an answer may have, by name."""
    known: dict[str, type[BaseModel]] = {family.__name__: family, "Trade": Trade}
    for one in family.__subclasses__():
        known |= models(one)
    return known


def answers(document: Any) -> dict[tuple[str, str], type[BaseModel]]:
    """The model that every endpoint is documented with."""
    return {(method, path): models()[name_of(answer_of(operation))] for method, path, operation in operations(document)}


def answer_of(operation: Any) -> Any:
    [status] = [code for code in operation["responses"] if code.startswith("2")]
    return operation["responses"][status]["content"]["application/json"]


def name_of(content: Any) -> str:
    return str(content["schema"]["$ref"]).rpartition("/")[2]


async def test_every_endpoint_is_there(document: Any) -> None:
    said = {(method, path) for method, path, _ in operations(document)}
    assert said == {("get", path) for path in READS} | {("post", path) for path in COMMANDS | HOUSEKEEPING}


async def test_every_endpoint_has_a_summary_and_an_answer_with_its_model_and_an_example(document: Any) -> None:
    for method, path, operation in operations(document):
        assert len(operation["summary"]) > 10, path
        [status] = [code for code in operation["responses"] if code.startswith("2")]
        assert status == ("202" if path in COMMANDS else "200")
        content = answer_of(operation)
        assert document["components"]["schemas"][name_of(content)], (method, path)
        assert content["example"], path


async def test_every_error_is_described_as_a_problem_with_an_example(document: Any) -> None:
    fields = set(document["components"]["schemas"]["Problem"]["required"])
    assert fields == {"type", "title", "status", "detail"}
    for method, path, operation in operations(document):
        wrong = {code: said for code, said in operation["responses"].items() if not code.startswith("2")}
        assert {"401", "422", "503"} <= set(wrong), path
        assert ("404" in wrong) == (path.endswith(("/close", "}"))), path
        assert ("413" in wrong) == (path in COMMANDS), path
        for code, said in wrong.items():
            [(kind, content)] = said["content"].items()
            assert kind == "application/problem+json", (method, path, code)
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert set(content["example"]) == fields
            assert content["example"]["status"] == int(code)


async def test_every_command_takes_a_key_and_shows_a_body(document: Any) -> None:
    for _, path, operation in operations(document):
        headers = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
        assert headers == ({"Idempotency-Key"} if path in COMMANDS else set())
        if path in COMMANDS:
            refs = str(operation["requestBody"]["content"]["application/json"]["schema"])
            name = next(name for name in document["components"]["schemas"] if f"/{name}'" in refs)
            assert document["components"]["schemas"][name]["examples"]


async def test_every_example_is_of_its_model(document: Any) -> None:
    told = answers(document)
    for method, path, operation in operations(document):
        told[method, path].model_validate_json(json.dumps(answer_of(operation)["example"]))


async def test_real_answers_are_of_the_models_to_the_last_field(
    document: Any, client: httpx.AsyncClient, desk: Running
) -> None:
    """A day with a closed trade, an open one with a partial exit, an adopted one, and a refused signal."""
    room = desk.room
    async with desk.listening():
        await desk.gets(signal(), signal(ETH, price="4000"))
        closed = desk.opened().position.position_id
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        eth = desk.opened(ETH).position
        named = {"symbol": ETH, "position_id": eth.position_id, "version": eth.version, "qty": Qty(Decimal("0.05"))}
        await desk.gets(builders.position_reduce(**named))
        room.venue.by_hand(SOL, Action.BUY, "0.1")
        await desk.looks_round()
        await desk.gets(signal(ETH, price="4000", n=1))
        places = {"key": "ETHUSDT", "trade_id": closed, "symbol": "SOLUSDT"}
        for (method, path), model in answers(document).items():
            answer = await client.request(method, path.format(**places))
            assert answer.status_code in {200, 202}, answer.text
            model.model_validate_json(answer.content)
        shown = (await client.get("/v1/positions")).json()["items"]
    assert {one["symbol"] for one in shown} == {ETH, SOL}
    assert [bool(one["partial_exits"]) for one in shown if one["symbol"] == ETH] == [True]
    for path in ("trades", "orders", "intents", "declined", "recovery"):
        assert (await client.get(f"/v1/{path}")).json()["items"], path
