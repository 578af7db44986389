"""Snapshots: what was open can be looked up when nothing runs, and no exit ever waits for one."""

import asyncio
import json
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from ironkeel.cli.app import app
from libs.common.units import DAY_MS
from services.executor.adapters.backup_folder import BackupFolder
from services.executor.adapters.portfolio import Portfolio
from tests.support import builders
from tests.support.trading_room import BTC, Room, Running, signal


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def kept(room: Room) -> list[dict[str, Any]]:
    """Every snapshot, oldest first."""
    folder = room.home / "backup"
    return [orjson.loads(path.read_bytes()) for path in sorted(folder.iterdir())] if folder.exists() else []


def tool(room: Room, *words: str) -> tuple[int, str]:
    said = CliRunner().invoke(app, [*words, "--home", str(room.home)])
    return said.exit_code, said.output


async def enters(desk: Running) -> None:
    async with desk.listening():
        await desk.gets(signal())


async def test_a_change_is_written_at_once_and_prices_write_nothing(room: Room) -> None:
    desk = await room.executor().starts()
    await desk.executor.backup.look()
    room.clock.advance(60)
    await enters(desk)
    await desk.executor.backup.look()
    room.clock.advance(60)
    desk.executor.watch.heard(builders.price(last="100500"))
    await desk.executor.backup.look()
    before, after = kept(room)
    assert (before["positions"], after["taken_at"]) == ([], room.clock.now() - 60_000)
    [position] = Portfolio(desk.desk).positions()
    assert isinstance(position, dict)
    [written] = after["positions"]
    assert written["position_id"] == position["position_id"]
    assert set(written) == set(position)


async def test_many_changes_in_a_moment_are_one_snapshot(room: Room) -> None:
    desk = await room.executor().starts()
    await desk.executor.backup.look()
    async with desk.listening():
        await desk.gets(signal())
        for stop in ("98100", "98200", "98300"):
            position = desk.opened().position
            named = {"position_id": position.position_id, "side": position.side, "version": position.version}
            await desk.gets(builders.stop_move(stop=Decimal(stop), **named))
            await desk.executor.backup.look()
    assert len(kept(room)) == 1
    room.clock.advance(10)
    await desk.executor.backup.look()
    assert len(kept(room)) == 2


async def test_a_quiet_day_has_one_too_and_two_executors_do_not_write_it_twice(room: Room) -> None:
    one, two = await room.executor().starts(), await room.executor("executor-2").starts()
    for _ in range(3):
        for desk in (one, two):
            await desk.executor.backup.look()
        room.clock.advance(DAY_MS / 1_000)
    assert len(kept(room)) == 3


async def test_what_is_older_than_fourteen_days_goes(room: Room) -> None:
    desk = await room.executor().starts()
    for _ in range(17):
        await desk.executor.backup.look()
        room.clock.advance(DAY_MS / 1_000)
    assert len(kept(room)) == 15


async def test_a_disk_that_refuses_stops_nothing(room: Room) -> None:
    desk = await room.executor().starts()
    (room.home / "backup").write_text("a file where the folder should be")
    await enters(desk)
    await desk.executor.backup.look()
    assert desk.desk.counts["backups_failed"] == 1
    async with desk.listening():
        room.venue.set_price(BTC, "97000")
        await desk.settled()
    assert desk.open() is None


async def test_an_exit_does_not_wait_for_a_disk_that_hangs(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = await room.executor().starts()
    await enters(desk)
    hangs, reached = threading.Event(), threading.Event()

    def keep(*_: object, **__: object) -> None:
        reached.set()
        hangs.wait(20)

    monkeypatch.setattr(BackupFolder, "keep", keep)
    writing = asyncio.create_task(desk.executor.backup.look())
    assert await asyncio.to_thread(reached.wait, 20)
    position = desk.opened().position
    named = {"position_id": position.position_id, "side": position.side, "version": position.version}
    async with desk.listening():
        await desk.gets(builders.position_close(**named))
    assert desk.open() is None
    assert not writing.done()
    hangs.set()
    await writing


async def test_snapshots_are_shown_when_nothing_runs(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_PORTS__BASE", "19700")
    assert tool(room, "backup", "list") == (0, "no snapshot yet\n")
    assert tool(room, "backup", "show")[0] == 1
    desk = await room.executor().starts()
    await desk.executor.backup.look()
    room.clock.advance(60)
    await enters(desk)
    await desk.executor.backup.look()
    old_and_new = await asyncio.to_thread(tool, room, "backup", "list", "--json")
    newest, oldest = json.loads(old_and_new[1])["items"]
    code, out = await asyncio.to_thread(tool, room, "backup", "show", "--json")
    told = json.loads(out)
    assert (code, told["name"], told["positions"][0]["symbol"]) == (0, newest["name"], BTC)
    assert told["session"]["active_positions"] == 1
    code, out = await asyncio.to_thread(tool, room, "backup", "show", oldest["name"])
    assert (code, "no open position" in out) == (0, True)
    code, out = await asyncio.to_thread(tool, room, "backup", "show")
    assert (code, "BTCUSDT" in out, "active_positions: 1" in out) == (0, True, True)
    for name, why in (("../api.token", "no snapshot called"), ("20", "begins the names of 2")):
        code, out = await asyncio.to_thread(tool, room, "backup", "show", name)
        assert (code, why in out) == (1, True)
    code, out = await asyncio.to_thread(tool, room, "positions")
    assert (code, "ironkeel backup show" in out) == (1, True)
    (room.home / "backup" / newest["name"]).write_text("[]")
    code, out = await asyncio.to_thread(tool, room, "backup", "show")
    assert (code, "is no snapshot" in out) == (1, True)
    assert (await asyncio.to_thread(tool, Room(room.home / "typo"), "backup", "list"))[0] == 2
