"""Whatever is asked over REST: a problem that names what is wrong, nothing changed in the ledger or at the venue."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from libs.common.contracts.commands import EntriesPause, PositionClose
from libs.common.settings.sections import ApiSection
from services.executor.adapters import schema
from services.executor.adapters.rest import executor_app
from tests.support.trading_room import BTC, Room, Running, signal

OWNER = {"Authorization": "Bearer secret"}
COMMANDS = (
    "/v1/entries/pause",
    "/v1/entries/resume",
    "/v1/halt",
    "/v1/flatten",
    "/v1/detach",
    "/v1/recovery/accept",
    "/v1/positions/BTCUSDT/close",
)
WRITES = (*COMMANDS, "/v1/recovery/clear", "/v1/recovery/test", "/v1/recovery/rebuild")


@pytest.fixture
async def desk(tmp_path: Path) -> Running:
    """One with a long position in BTCUSDT."""
    running = await Room(tmp_path).executor().starts()
    async with running.listening():
        await running.gets(signal())
    running.opened()
    return running


@pytest.fixture
async def client(desk: Running) -> AsyncIterator[httpx.AsyncClient]:
    api = ApiSection(token=SecretStr("secret"))
    app = executor_app(desk.desk, desk.bus, api, desk.room.home, desk.executor.rebuild.run)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://executor", headers=OWNER) as made:
        yield made


def everything(desk: Running) -> dict[str, Sequence[Any]]:
    """The ledger, the streams and what the venue was asked."""
    with desk.desk.ledger.read() as pages:
        held = {t.name: [tuple(row) for row in pages.db.execute(select(t))] for t in schema.METADATA.sorted_tables}
    return held | {"asked": list(desk.room.venue.asked), "command": list(desk.room.server.streams.get("command", ()))}


async def is_refused(desk: Running, asking: Any, *, status: int, says: Sequence[str]) -> None:
    before = everything(desk)
    answer = await asking
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert set(told) == {"type", "title", "status", "detail"}
    assert all(word in told["detail"] for word in says), told["detail"]
    assert everything(desk) == before


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize(
    "authority", ["", "secret", "Bearer", "Bearer ", "Bearer Secret", "Basic secret", "Bearer secret2", "Bearer ü"]
)
async def test_a_write_without_the_right_token_changes_nothing(
    desk: Running, client: httpx.AsyncClient, path: str, authority: str
) -> None:
    headers = {"Authorization": authority.encode()}
    await is_refused(desk, client.post(path, headers=headers), status=401, says=["Bearer <api.token>"])  # type: ignore[arg-type]


@pytest.mark.parametrize("path", COMMANDS)
@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"surprise": 1}, ["surprise", "allowed are by, reason"]),
        ({"by": 7}, ["body.by = 7", "string"]),
        ({"by": None}, ["body.by = None"]),
        ({"by": "x" * 121}, ["body.by", "120"]),
        ({"reason": ["fire"]}, ["body.reason = ['fire']"]),
        ({"reason": "x" * 1_001}, ["body.reason", "1000"]),
        ({"reason": "a\x00b"}, ["body.reason"]),
        (["halt"], ["body", "halt"]),
        ("halt", ["body", "halt"]),
        (7, ["body", "7"]),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_body_that_means_nothing_is_refused_by_key_value_and_what_is_allowed(
    desk: Running, client: httpx.AsyncClient, path: str, body: Any, says: Sequence[str]
) -> None:
    await is_refused(desk, client.post(path, json=body), status=422, says=says)


@pytest.mark.parametrize("field", ["halted", "symbol"])
async def test_a_field_of_another_command_is_not_overlooked(
    desk: Running, client: httpx.AsyncClient, field: str
) -> None:
    """`flatten` with a symbol closed everything."""
    for path in ("/v1/flatten", "/v1/halt", "/v1/detach", "/v1/entries/pause"):
        await is_refused(desk, client.post(path, json={field: "BTCUSDT"}), status=422, says=[field, "by, reason"])


@pytest.mark.parametrize("halted", ["yes", 1, "true", None])
async def test_only_true_clears_a_halt(desk: Running, client: httpx.AsyncClient, halted: Any) -> None:
    asking = client.post("/v1/entries/resume", json={"halted": halted})
    await is_refused(desk, asking, status=422, says=["body.halted", "boolean"])


@pytest.mark.parametrize("content", [b"{", b"{'by': 1}", b"[" * 60_000, b"\xff\xfe", b'{"by": NaN}', b"{} {}"])
async def test_what_is_no_json_is_refused(desk: Running, client: httpx.AsyncClient, content: bytes) -> None:
    before = everything(desk)
    answer = await client.post("/v1/halt", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert "body" in answer.json()["detail"]
    assert everything(desk) == before


async def test_a_body_of_any_size_is_refused_before_it_is_read(desk: Running, client: httpx.AsyncClient) -> None:
    sent = []

    async def endless() -> AsyncIterator[bytes]:
        for n in range(1_000):
            sent.append(n)
            yield b" " * 10_000

    await is_refused(desk, client.post("/v1/halt", content=endless()), status=413, says=["65536"])


@pytest.mark.parametrize("symbol", ["btcusdt", "BTC-USDT", "B" * 21, "%00", "..%2Fhalt", "B%20C"])
async def test_a_symbol_that_cannot_be_is_refused(desk: Running, client: httpx.AsyncClient, symbol: str) -> None:
    answer = await client.post(f"/v1/positions/{symbol}/close")
    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert not desk.room.told(PositionClose)


async def test_a_symbol_without_a_position_is_refused(desk: Running, client: httpx.AsyncClient) -> None:
    await is_refused(desk, client.post("/v1/positions/NOPEUSDT/close"), status=404, says=["NOPEUSDT"])
    asking = client.post("/v1/recovery/accept", json={"symbol": "BTC/USDT"})
    await is_refused(desk, asking, status=422, says=["body.symbol = 'BTC/USDT'"])


@pytest.mark.parametrize("key", ["x" * 201, "a b", "ü"])
async def test_a_key_that_cannot_be_kept_is_refused(desk: Running, client: httpx.AsyncClient, key: str) -> None:
    headers = {"Idempotency-Key": key.encode()}
    await is_refused(desk, client.post("/v1/halt", headers=headers), status=422, says=["Idempotency-Key"])  # type: ignore[arg-type]


@pytest.mark.parametrize("path", COMMANDS)
async def test_a_key_that_was_used_for_other_words_is_refused(
    desk: Running, client: httpx.AsyncClient, path: str
) -> None:
    key = {"Idempotency-Key": "once"}
    first = await client.post(path, headers=key, json={"reason": "fire"})
    asking = client.post(path, headers=key, json={"reason": "flood"})
    await is_refused(desk, asking, status=422, says=["Idempotency-Key", "flood"])
    again = await client.post(path, headers=key, json={"reason": "fire"})
    assert (again.status_code, again.json()) == (202, first.json())


async def test_without_a_key_every_call_is_a_command_of_its_own(desk: Running, client: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert (await client.post("/v1/entries/pause")).status_code == 202
    assert len({told.id for told in desk.room.told(EntriesPause)}) == 2


async def test_a_close_is_answered_alike_when_its_position_is_gone(desk: Running, client: httpx.AsyncClient) -> None:
    """The answer was lost on its way: the asker asks again, and must not hear that there never was a position."""
    key = {"Idempotency-Key": "close-1"}
    first = await client.post("/v1/positions/BTCUSDT/close", headers=key)
    [command] = desk.room.told(PositionClose)
    async with desk.listening():
        await desk.gets(command)
        await desk.looks_round()
    assert desk.open(BTC) is None
    again = await client.post("/v1/positions/BTCUSDT/close", headers=key)
    assert (again.status_code, again.json()) == (202, first.json())
    assert len(desk.room.told(PositionClose)) == 1


@pytest.mark.parametrize("path", ["trades", "orders", "intents", "declined", "recovery"])
@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("limit=0", ["query.limit = '0'", "greater than or equal to 1"]),
        ("limit=1e9", ["query.limit = '1e9'"]),
        ("limit=NaN", ["query.limit = 'NaN'"]),
        ("since=-1", ["query.since = '-1'"]),
        (f"until={10**30}", ["query.until"]),
        ("symbol=BTC/USDT", ["query.symbol = 'BTC/USDT'"]),
        ("symbol=%00", ["query.symbol"]),
        ("sybmol=BTCUSDT", ["query.sybmol"]),
        ("cursor=made-up", ["cursor", "made-up"]),
        ("cursor=1~%00", ["cursor"]),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused_by_key_and_value(
    desk: Running, client: httpx.AsyncClient, path: str, query: str, says: Sequence[str]
) -> None:
    await is_refused(desk, client.get(f"/v1/{path}?{query}"), status=422, says=says)
