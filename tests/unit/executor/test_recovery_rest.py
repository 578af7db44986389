"""Recovery over HTTP: the figures are those of the log, and the log is the real one."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from libs.common.contracts.recovery import Phase
from libs.common.errors import Transient
from libs.common.exchange.memory import MemoryVenue
from libs.common.settings.sections import ApiSection
from libs.common.units import DAY_MS
from services.executor.adapters.journal_rows import JournalRows
from services.executor.adapters.rest import executor_app
from tests.support.trading_room import BTC, Room, Running, signal

OWNER = {"Authorization": "Bearer secret"}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def served(desk: Running) -> httpx.AsyncClient:
    api = ApiSection(token=SecretStr("secret"))
    app = executor_app(desk.desk, desk.bus, api, desk.room.home, desk.executor.rebuild.run)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://executor", headers=OWNER)


@pytest.fixture
async def desk(room: Room) -> Running:
    return await room.executor().starts()


@pytest.fixture
async def client(desk: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with served(desk) as made:
        yield made


async def test_the_overview_tells_phase_session_tries_actions_steps_and_phases(
    room: Room, desk: Running, client: httpx.AsyncClient
) -> None:
    async with desk.listening():
        await desk.gets(signal())
        room.venue.set_price(BTC, "97000")
        await desk.settled()
    told = (await client.get("/v1/recovery")).json()
    assert (told["running"], told["phase"], told["positions"]) == (False, "SEEKING_ENTRY", 0)
    assert told["session_id"] == desk.desk.session_id
    assert (told["attempts"], told["successes"], told["failures"]) == (1, 1, 0)
    assert told["last_24h"] == {"attempts": 1, "successes": 1, "failures": 0}
    assert told["counts"] == {"CONTINUE_SEEKING": 1}
    phases = ["SEEKING_ENTRY", "MANAGING_POSITIONS", "SEEKING_ENTRY", "RECOVERING"]
    assert [step["phase"] for step in told["history"]] == phases
    assert told["events"] == told["items"]
    assert told["reviews"] == {}
    assert [row["session_id"] for row in told["sessions"]] == [desk.desk.session_id]


async def test_a_start_that_had_to_wait_counts_its_failures_and_yesterdays_are_told_apart(
    room: Room, desk: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.clock.advance(DAY_MS / 1_000 + 1)
    silent, answers = [2], MemoryVenue.wallet

    async def wallet(venue: MemoryVenue) -> object:
        silent[0] -= 1
        if silent[0] >= 0:
            raise Transient("no answer")
        return await answers(venue)

    monkeypatch.setattr(MemoryVenue, "wallet", wallet)
    second = room.executor()
    await second.waits_for(second.starts())
    async with served(second) as client:
        told = (await client.get("/v1/recovery")).json()
    assert (told["attempts"], told["successes"], told["failures"]) == (4, 2, 2)
    assert told["last_24h"] == {"attempts": 3, "successes": 1, "failures": 2}
    assert "no answer" in [step["text"] for step in told["events"]]


async def test_clearing_empties_the_log_and_nothing_else(room: Room, desk: Running, client: httpx.AsyncClient) -> None:
    async with desk.listening():
        await desk.gets(signal())
    with desk.desk.write() as pages:
        pages.ask_review(BTC, "a test", now=room.clock.now())
    assert (await client.post("/v1/recovery/clear")).json()["cleared"] > 0
    told = (await client.get("/v1/recovery")).json()
    assert (told["items"], told["events"], told["history"], told["counts"]) == ([], [], [], {})
    assert (told["attempts"], told["positions"], told["reviews"]) == (0, 1, {"BTCUSDT": "a test"})


async def test_a_probe_is_written_and_read_through_the_real_log(desk: Running, client: httpx.AsyncClient) -> None:
    told = (await client.post("/v1/recovery/test")).json()
    assert told["ok"] is True
    [newest, *_] = (await client.get("/v1/recovery")).json()["items"]
    assert (newest["id"], newest["kind"], newest["wall"]) == (told["id"], "probe", told["wall"])


async def test_a_log_that_loses_what_is_written_is_found_out(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JournalRows, "note", lambda *_, **__: None)
    answer = await client.post("/v1/recovery/test")
    assert answer.status_code == 500
    assert "not read back" in answer.json()["detail"]


async def test_a_rebuild_says_what_there_is_and_waits_its_turn(desk: Running, client: httpx.AsyncClient) -> None:
    async with desk.listening():
        await desk.gets(signal())
    told = (await client.post("/v1/recovery/rebuild")).json()
    assert (told["orders"], told["orders_added"], told["positions"]) == (1, 0, 1)
    desk.desk.phase = Phase.RECOVERING
    answer = await client.post("/v1/recovery/rebuild")
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
