"""Every losing trade is explained, whoever was down when it closed."""

from pathlib import Path

import pytest

from libs.common.bus.memory import Crash, MemoryBus, MemoryServer
from libs.common.clock import VirtualClock
from libs.common.contracts.registry import encode
from libs.common.contracts.trades import TradeClosed
from libs.common.service import serve
from libs.common.units import Instant
from tests.support.postmortems import ExecutorRest, backfill_of, open_office
from tests.support.trades import trade

LOSS = trade(trade_id="ika-BTCUSDT-h2k1-e")
OTHER = trade(trade_id="ika-ETHUSDT-h2k1-e", symbol="ETHUSDT")
WIN = trade(trade_id="ika-SOLUSDT-h2k1-e", symbol="SOLUSDT", exit_price="110")


def told(server: MemoryServer, *trades: TradeClosed) -> None:
    """The executor tells of its trades."""
    for each in trades:
        server.add("trade", *encode(each))


async def work(folder: Path, server: MemoryServer, *, die_after: int | None = None) -> list[str]:
    """Run the service to the end of its stream, or to its death; return the ids of what it published."""
    office = open_office(folder, VirtualClock())
    bus = MemoryBus(server=server, service="postmortem", die_after=die_after, endless=False)
    try:
        await serve(office.desk, bus=bus, clock=office.clock, keep=office.filing.keep)
    finally:
        office.index.close()
    return [message.id for message in bus.published]


def stream_ids(server: MemoryServer, stream: str) -> list[str]:
    return [entry.message().id for entry in server.streams.get(stream, [])]


def files(folder: Path) -> dict[str, int]:
    """Name and inode of every report: a file that is written again has another."""
    return {path.name: path.stat().st_ino for path in folder.glob("*.json")}


async def test_a_loss_is_explained_and_a_win_is_not(tmp_path: Path) -> None:
    server = MemoryServer()
    told(server, LOSS, WIN)
    await work(tmp_path, server)
    office = open_office(tmp_path, VirtualClock())
    assert office.filed == [LOSS.trade_id]
    assert len(stream_ids(server, "postmortem")) == len(stream_ids(server, "lesson")) == 1
    assert {each.trade_id for each in office.index.outcomes()} == {LOSS.trade_id, WIN.trade_id}


@pytest.mark.parametrize("step", range(4))
async def test_dying_at_any_step_writes_each_report_once(tmp_path: Path, step: int) -> None:
    """Steps are the publish and the acknowledgement of each loss: 0 lies between file and publish."""
    server = MemoryServer()
    told(server, LOSS, OTHER)
    with pytest.raises(Crash):
        await work(tmp_path, server, die_after=step)
    written = files(tmp_path)
    await work(tmp_path, server)
    now = files(tmp_path)
    assert now.keys() == {f"{LOSS.trade_id}.json", f"{OTHER.trade_id}.json"}
    assert written.items() <= now.items()  # what was there was not written again
    assert len(set(stream_ids(server, "postmortem"))) == len(set(stream_ids(server, "lesson"))) == 2
    assert not server.group("trade", "postmortem").pending


async def test_a_loss_while_postmortem_and_redis_were_down_is_explained_later(tmp_path: Path) -> None:
    server = MemoryServer()
    told(server, LOSS)
    await work(tmp_path, server)
    server.flush()  # and OTHER closed meanwhile: nothing on the streams tells of it
    office = open_office(tmp_path, VirtualClock())
    bus = MemoryBus(server=server, service="postmortem")
    assert await backfill_of(office, bus, ExecutorRest([LOSS, OTHER, WIN])).catch_up(Instant(0)) == 2
    assert office.filed == [LOSS.trade_id, OTHER.trade_id]
    assert len(stream_ids(server, "postmortem")) == 1


async def test_a_trade_told_twice_and_back_filled_is_explained_once(tmp_path: Path) -> None:
    server = MemoryServer()
    told(server, LOSS, LOSS)
    await work(tmp_path, server)
    office = open_office(tmp_path, VirtualClock())
    bus = MemoryBus(server=server, service="postmortem")
    assert await backfill_of(office, bus, ExecutorRest([LOSS])).catch_up(Instant(0)) == 0
    assert office.filed == [LOSS.trade_id]
    assert len(set(stream_ids(server, "postmortem"))) == 1


async def test_a_trade_that_cannot_be_explained_is_dead_lettered_and_the_next_is_explained(tmp_path: Path) -> None:
    server = MemoryServer()
    impossible = trade(trade_id="ika-XRPUSDT-h2k1-e", qty="0", gross="-1")
    told(server, impossible, LOSS)
    await work(tmp_path, server)
    assert open_office(tmp_path, VirtualClock()).filed == [LOSS.trade_id]
    (letter,) = server.dead
    assert impossible.trade_id in letter.reason
