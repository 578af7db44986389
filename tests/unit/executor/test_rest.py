"""The executor's interface: reads for everybody here, writes for those with the token, commands and nothing else."""

import stat
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from libs.common.contracts.commands import EntriesPause, EntriesResume, PositionClose, RecoveryAccept
from libs.common.exchange.memory_faults import Answer
from libs.common.exchange.trading_types import Action
from libs.common.settings.sections import ApiSection
from services.executor.adapters.rest import executor_app, read_token
from tests.support.pages import curl_lines, option
from tests.support.trading_room import BTC, Room, Running, signal

OWNER = {"Authorization": "Bearer secret"}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
async def desk(room: Room) -> Running:
    return await room.executor().starts()


@pytest.fixture
def app(desk: Running, room: Room) -> FastAPI:
    return executor_app(
        desk.desk, desk.bus, ApiSection(token=SecretStr("secret")), room.home, desk.executor.rebuild.run
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://executor") as made:
        yield made


async def test_status_tells_the_phase_with_its_evidence_and_why_nothing_is_entered(client: httpx.AsyncClient) -> None:
    told = (await client.get("/v1/status")).json()
    assert told["phase"] == "SEEKING_ENTRY"
    assert told["evidence"]["positions_at_venue"] == 0
    assert told["entries"] == "open"
    assert told["why"] == ["no signal has come yet"]
    for key in ("session_id", "venue", "instance", "clock_offset_ms", "last_reconciliation", "version", "config_hash"):
        assert key in told


async def test_a_day_can_be_read(client: httpx.AsyncClient, desk: Running, room: Room) -> None:
    async with desk.listening():
        await desk.gets(signal())
        position_id = desk.opened().position.position_id
        [shown] = (await client.get("/v1/positions")).json()["items"]
        assert shown["position_id"] == position_id
        assert Decimal(shown["stop"]) == 98000
        assert Decimal(shown["unrealised_pnl"]) == 0
        for key in (BTC, position_id):
            assert (await client.get(f"/v1/positions/{key}")).json() == shown
        balance = (await client.get("/v1/balance")).json()
        assert float(balance["difference"]) == 0
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.looks_round()
    [trade] = (await client.get("/v1/trades", params={"symbol": BTC})).json()["items"]
    assert (await client.get(f"/v1/trades/{position_id}")).json() == trade
    assert {"trade_id", "gross", "fees", "funding", "pnl_usd", "close_reason", "opened_at", "closed_at"} <= set(trade)
    session = (await client.get("/v1/session")).json()
    assert (session["closed_trades"], session["losses"], session["realised_pnl"]) == (1, 1, trade["pnl_usd"])
    assert float((await client.get("/v1/balance")).json()["difference"]) == 0
    for path in ("orders", "intents", "recovery", "declined"):
        assert "next" in (await client.get(f"/v1/{path}")).json()


async def test_what_is_not_there_is_a_problem_with_words(client: httpx.AsyncClient) -> None:
    for path in ("/v1/positions/BTCUSDT", "/v1/trades/none", "/nowhere"):
        answer = await client.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


@pytest.mark.parametrize(
    "question",
    [
        "trades?limit=0",
        "trades?cursor=made-up",
        f"orders?cursor={10**30}~x",
        f"trades?since={10**30}",
        f"recovery?cursor=1~{10**30}",
        "recovery?symbol=BTCUSDT",
    ],
)
async def test_what_cannot_be_asked_is_a_problem_with_words(client: httpx.AsyncClient, question: str) -> None:
    answer = await client.get(f"/v1/{question}")
    assert answer.status_code == 422
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["trades", "orders", "intents", "declined", "recovery"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"since": str(1 << 70)},
        {"until": "-1"},
        {"cursor": f"{1 << 70}~x"},
        {"cursor": f"1~{1 << 70}"},
        {"cursor": "\u00b2~1"},
        {"limit": "1e9"},
        {"symbol": "\x00' OR 1=1"},
    ],
)
async def test_nothing_that_is_asked_breaks_the_answer(
    client: httpx.AsyncClient, path: str, wrong: dict[str, str]
) -> None:
    answer = await client.get(f"/v1/{path}", params=wrong)
    assert answer.status_code in {200, 422}
    if answer.status_code == 422:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_method_that_is_not_offered_is_a_problem_too(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/trades", headers=OWNER)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


async def test_writes_need_the_token(client: httpx.AsyncClient, room: Room) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert (await client.post("/v1/entries/pause", headers=headers)).status_code == 401
    assert "command" not in room.server.streams


async def test_a_write_is_a_command_on_the_stream(client: httpx.AsyncClient, room: Room) -> None:
    answer = await client.post("/v1/entries/pause", headers=OWNER, json={"by": "cli", "reason": "lunch"})
    assert answer.status_code == 202
    [command] = room.told(EntriesPause)
    assert isinstance(command, EntriesPause)
    assert (command.id, command.by, command.reason) == (answer.json()["command"], "cli", "lunch")
    await client.post("/v1/entries/resume", headers=OWNER, json={"halted": True})
    [resumed] = room.told(EntriesResume)
    assert isinstance(resumed, EntriesResume)
    assert resumed.halted
    await client.post("/v1/recovery/accept", headers=OWNER, json={"symbol": "BTCUSDT"})
    assert len(room.told(RecoveryAccept)) == 1
    assert (await client.post("/v1/recovery/clear", headers=OWNER)).json()["cleared"] >= 2


@pytest.mark.parametrize("page", ["README.md", "docs/operators.md"])
async def test_what_the_pages_tell_to_type_works(client: httpx.AsyncClient, page: str) -> None:
    lines = curl_lines(page, 8000)
    assert lines
    for words in lines:
        told = [words[place + 1] for place, word in enumerate(words) if word == "-H"]
        url = next(word for word in words if word.startswith("http://127.0.0.1:8000/"))
        answer = await client.request(
            option(words, "-X", "GET"),
            httpx.URL(url).path,
            # curl calls what it sends a form unless it is told otherwise
            headers={"Content-Type": "application/x-www-form-urlencoded", **dict(each.split(": ", 1) for each in told)},
            content=option(words, "-d", ""),
        )
        assert answer.status_code in {200, 202}, answer.text


async def test_the_same_idempotency_key_is_the_same_command(client: httpx.AsyncClient, room: Room) -> None:
    said = {**OWNER, "Idempotency-Key": "once"}
    first, second = [(await client.post("/v1/entries/pause", headers=said)).json() for _ in range(2)]
    assert first == second
    assert len(room.told(EntriesPause)) == 1
    await client.post("/v1/entries/pause", headers=OWNER)
    assert len(room.told(EntriesPause)) == 2


async def test_closing_names_the_position(client: httpx.AsyncClient, desk: Running, room: Room) -> None:
    assert (await client.post("/v1/positions/BTCUSDT/close", headers=OWNER)).status_code == 404
    async with desk.listening():
        await desk.gets(signal())
    assert (await client.post("/v1/positions/BTCUSDT/close", headers=OWNER)).status_code == 202
    [command] = room.told(PositionClose)
    assert isinstance(command, PositionClose)
    assert command.position_id == desk.opened().position.position_id


@pytest.mark.parametrize(
    ("open_reads", "host", "status"),
    [("loopback", "10.0.0.9", 401), ("any", "10.0.0.9", 200), ("none", "127.0.0.1", 401)],
)
async def test_who_may_read(desk: Running, room: Room, open_reads: str, host: str, status: int) -> None:
    api = ApiSection.model_validate({"token": "secret", "open_reads": open_reads})
    app = executor_app(desk.desk, desk.bus, api, room.home, desk.executor.rebuild.run)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(host, 1)), base_url="http://x") as client:
        assert (await client.get("/v1/status")).status_code == status
        assert (await client.get("/v1/status", headers=OWNER)).status_code == 200


def test_a_token_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    made = read_token("", tmp_path)
    assert read_token("", tmp_path) == made
    assert read_token("given", tmp_path) == "given"
    assert stat.S_IMODE((tmp_path / "api.token").stat().st_mode) == 0o600
    assert len(made) >= 32


async def test_metrics_count_what_was_skipped_and_prevented(client: httpx.AsyncClient, desk: Running) -> None:
    desk.desk.counts["skipped_locked"] += 3
    assert 'ironkeel_executor_total{what="skipped_locked"} 3.0' in (await client.get("/metrics")).text


async def test_metrics_count_naked_seconds_from_the_start(client: httpx.AsyncClient, desk: Running, room: Room) -> None:
    async def told(name: str) -> float:
        lines = (await client.get("/metrics")).text.splitlines()
        return float(next(line.split()[-1] for line in lines if line.startswith(name)))

    assert await told("ironkeel_executor_naked_seconds_total") == 0
    room.venue.script(*[Answer(10_000)] * 5)  # the venue takes no stop for a while
    room.venue.by_hand(BTC, Action.BUY, "0.001")
    await desk.guards()
    room.clock.advance(1.5)
    await desk.guards()
    assert await told("ironkeel_executor_naked_seconds_total") >= 1.5
    assert await told('ironkeel_executor_fact{fact="naked_ms"}') >= 1_500
