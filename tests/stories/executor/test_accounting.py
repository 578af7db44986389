"""The executor's books: a trade is there when its position is gone, not half a minute later."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.common.exchange.trading_types import ExecutionFrame, PositionFrame
from tests.support.trading_room import BTC, SLOT, Room, Running, signal


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
async def running(room: Room) -> AsyncIterator[Running]:
    """An executor with all of its loops."""
    async with room.executor().serving() as desk:
        yield desk


async def test_a_trade_is_told_as_soon_as_its_stop_has_closed_the_position(room: Room, running: Running) -> None:
    await running.bus.publish(signal())
    await running.passes(3)
    assert running.opened().position.stop is not None
    room.venue.set_price(BTC, "97900")
    await running.passes(3)
    assert running.open() is None
    assert list(room.trades()), "the stop has closed the position and its trade is not told"


async def test_the_books_of_a_closed_position_are_asked_for_whichever_frame_came_first(room: Room) -> None:
    """The execution may outrun the report that the position is gone: then that report says nothing new."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
    room.venue.set_price(BTC, "97900")
    desk.desk.doubts.clear()
    desk.desk.doubted.clear()
    desk.executor.watch.take(ExecutionFrame(room.venue.books.executions[-1], SLOT))
    desk.executor.watch.take(PositionFrame(BTC, None, SLOT))
    assert desk.open() is None
    assert desk.desk.doubted.is_set()
    await desk.looks_round()
    assert list(room.trades())
