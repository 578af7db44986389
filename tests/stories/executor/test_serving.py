"""The whole executor with its loops: it serves until it is told to stop, and says that it was."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from libs.common.contracts.positions import PositionSnapshot
from libs.common.contracts.recovery import RecoveryPlanned
from libs.common.errors import Fatal
from tests.support import builders
from tests.support.trading_room import BTC, ETH, Room, Running, signal
from tests.support.waiting import eventually


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


async def passes(desk: Running, seconds: float) -> None:
    for _ in range(int(seconds * 20)):
        await desk.settled()
        desk.room.clock.advance(0.05)


async def stops(serving: "asyncio.Task[None]") -> None:
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def test_signals_and_commands_flow_and_a_stop_leaves_its_marker(room: Room) -> None:
    desk = room.executor()
    serving = asyncio.create_task(desk.executor.run())
    await passes(desk, 1)
    assert desk.desk.health.ready
    await desk.bus.publish(signal(), signal(ETH, price="4000"))
    await passes(desk, 1)
    assert {k.position.symbol for k in desk.positions()} == {BTC, ETH}
    room.venue.set_price(BTC, "97000")
    await passes(desk, 1)
    assert len(room.trades()) == 1
    await desk.bus.publish(builders.flatten())
    await passes(desk, 3)
    assert not room.venue.books.holdings
    assert len(room.trades()) == 2
    desk.desk.health.look()
    assert desk.desk.health.in_flight == 0
    assert room.told(PositionSnapshot)
    await stops(serving)
    again = room.executor()
    serving = asyncio.create_task(again.executor.run())
    await passes(again, 1)
    await stops(serving)
    clean = [m.clean_stop for m in room.told(RecoveryPlanned) if isinstance(m, RecoveryPlanned)]
    assert clean == [True, True]


async def test_what_is_open_is_kept_for_people_while_it_serves(room: Room) -> None:
    desk = room.executor()
    serving = asyncio.create_task(desk.executor.run())

    async def kept() -> bool:
        return any((room.home / "backup").glob("*.json"))

    await eventually(kept)
    await stops(serving)


async def test_a_crash_is_told_from_a_stop(room: Room) -> None:
    await room.executor().starts()
    await room.executor().starts()
    clean = [m.clean_stop for m in room.told(RecoveryPlanned) if isinstance(m, RecoveryPlanned)]
    assert clean == [True, False]


async def test_the_failure_of_one_task_leaves_no_marker_of_a_clean_stop(room: Room) -> None:
    desk = room.executor()

    async def breaks() -> None:
        raise Fatal("a belief was false")

    desk.executor.reconciler.finish = breaks  # type: ignore[method-assign]
    with pytest.raises(BaseExceptionGroup):
        await asyncio.gather(desk.executor.run(), passes(desk, 1))
    await room.executor().starts()
    clean = [m.clean_stop for m in room.told(RecoveryPlanned) if isinstance(m, RecoveryPlanned)]
    assert clean == [True, False]


async def test_flushed_redis_and_a_new_process_trade_on(room: Room) -> None:
    desk = room.executor()
    serving = asyncio.create_task(desk.executor.run())
    await passes(desk, 1)
    await desk.bus.publish(signal())
    await passes(desk, 1)
    await stops(serving)
    room.server.flush()
    room.locks.flush()
    again = room.executor()
    serving = asyncio.create_task(again.executor.run())
    await passes(again, 1)
    await again.bus.publish(signal(), signal(ETH, price="4000"))
    await passes(again, 1)
    assert [name for name in room.created() if name.endswith("-e")] == room.created()
    assert len(room.created()) == 1
    assert {k.position.symbol for k in again.positions()} == {BTC, ETH}
    await stops(serving)
