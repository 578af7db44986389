"""`ironkeel recovery` in the hands of an operator, over a served executor."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ironkeel.cli.app import app
from libs.common.clock import SystemClock
from libs.common.contracts.commands import RecoveryAccept
from libs.common.http import serve_http
from libs.common.settings.sections import ApiSection
from services.executor.adapters.rest import executor_app
from tests.support.trading_room import BTC, ETH, Room, Running, signal
from tests.support.waiting import eventually

Tool = Callable[..., Coroutine[None, None, tuple[int, str]]]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
async def desk(room: Room) -> Running:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
    return desk


@pytest.fixture
async def tool(desk: Running, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tool]:
    monkeypatch.chdir(desk.room.home)
    monkeypatch.delenv("IRONKEEL_HOME", raising=False)
    served = executor_app(desk.desk, desk.bus, ApiSection(), desk.room.home, desk.executor.rebuild.run)
    home, clock = desk.room.home, SystemClock()

    async def run(*words: str) -> tuple[int, str]:
        said = await asyncio.to_thread(CliRunner().invoke, app, ["recovery", *words, "--home", str(home)])
        return said.exit_code, said.stdout + said.stderr

    async with serve_http(served, host="127.0.0.1", port=0, name="executor", home=home, clock=clock):
        yield run


async def test_the_log_is_read_tested_exported_and_cleared(tool: Tool, desk: Running, tmp_path: Path) -> None:
    code, out = await tool("test")
    assert code == 0
    assert "was written and read back" in out
    code, out = await tool("status", "--json")
    told = json.loads(out)
    assert (code, told["running"], told["phase"], told["positions"]) == (0, False, "MANAGING_POSITIONS", 1)
    assert "items" not in told
    code, out = await tool("status")
    assert code == 0
    for words in ("MANAGING_POSITIONS, 1 open", desk.desk.session_id, "attempts 1, successes 1", "CONTINUE_SEEKING 1"):
        assert words in out
    code, out = await tool("export", "--out", str(tmp_path / "report.json"), "--json")
    report = json.loads((tmp_path / "report.json").read_bytes())
    assert (code, json.loads(out)["events"]) == (0, len(report["events"]))
    assert [step["kind"] for step in report["events"]][-3:] == ["planned", "began", "phase"]
    assert report["open_positions"][0]["symbol"] == BTC
    assert json.loads((await tool("clear", "--json"))[1])["cleared"] == len(report["events"])
    assert json.loads((await tool("status", "--json"))[1])["events"] == []
    assert desk.open() is not None


async def test_a_file_that_cannot_be_written_is_one_line(tool: Tool, tmp_path: Path) -> None:
    code, out = await tool("export", "--out", str(tmp_path / "nowhere" / "report.json"))
    assert (code, len(out.splitlines())) == (1, 1)


async def test_accepting_waits_until_it_is_settled_and_says_no_to_what_does_not_wait(tool: Tool, desk: Running) -> None:
    with desk.desk.write() as pages:
        pages.ask_review(ETH, "a test", now=desk.room.clock.now())
    code, out = await tool("accept", "BTCUSDT")
    assert (code, out.strip()) == (1, "BTCUSDT does not wait for a person; ETHUSDT does")

    async def said() -> bool:
        return bool(desk.room.told(RecoveryAccept))

    asking = asyncio.create_task(tool("accept", "ETHUSDT"))
    await eventually(said)
    await desk.gets(*desk.room.told(RecoveryAccept))
    code, out = await asking
    assert (code, out.splitlines()[-1]) == (0, "accepted ETHUSDT")
    assert (await tool("accept"))[0] == 0


async def test_a_rebuild_beside_a_running_executor_goes_through_it(tool: Tool) -> None:
    code, out = await tool("rebuild")
    assert code == 0
    assert out.splitlines()[-4:] == [
        "orders: 1, 0 of them read now",
        "executions: 1, 0 of them read now",
        "trades: 0, 0 of them read now",
        "positions: 1 open",
    ]
