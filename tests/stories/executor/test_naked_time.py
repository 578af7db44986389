"""Naked time is counted to the millisecond that a look can tell, whoever's position it is and however it ends."""

from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.exchange.memory_faults import Answer
from libs.common.exchange.trading_types import Action
from services.executor.core.kept import PositionStatus
from tests.support.trading_room import BTC, Room, signal

D = Decimal
SILENT = 10_000  # an answer that says nothing


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


async def test_a_position_that_always_had_its_stop_was_naked_at_no_time(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        await desk.guards()
        room.clock.advance(5)
        await desk.guards()
    assert desk.opened().naked_ms == 0
    assert desk.desk.counts["naked_ms"] == 0


async def test_a_stop_that_comes_back_ends_the_count_at_once(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.strip_stop(BTC)
        room.venue.script(*[Answer(SILENT)] * 5)
        await desk.guards()
        assert room.venue.books.holdings[BTC].stop is None
        room.clock.advance(0.7)
        before = room.clock.now()
        await desk.guards()
        assert room.venue.books.holdings[BTC].stop is not None
        lasted = desk.opened().naked_ms
        room.clock.advance(5)
        await desk.guards()
    assert 700 <= lasted <= 700 + 500 + room.clock.now() - before - 5_000
    assert desk.opened().naked_ms == lasted == desk.desk.counts["naked_ms"]
    assert desk.executor.stops.naked.longest_ms() == 0


async def test_a_position_that_ends_naked_has_its_naked_time_in_its_trade(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.strip_stop(BTC)
        room.venue.script(*[Answer(SILENT)] * 10)
        await desk.guards()
        room.clock.advance(1)
        await desk.guards()
        room.venue.by_hand(BTC, Action.SELL, str(desk.opened().position.qty))
        await desk.settled()
        room.clock.advance(0.2)
        await desk.looks_round()
    [trade] = room.trades().values()
    assert trade.naked_ms >= 1_000
    with desk.desk.ledger.read() as pages:
        assert not pages.positions(PositionStatus.FLAT)


async def test_a_strangers_position_is_counted_from_the_first_look(room: Room) -> None:
    desk = await room.executor().starts()
    room.venue.script(*[Answer(SILENT)] * 1)
    room.venue.by_hand(BTC, Action.BUY, "0.001")
    await desk.guards()
    assert room.venue.books.holdings[BTC].stop is None
    room.clock.advance(0.4)
    await desk.guards()
    assert room.venue.books.holdings[BTC].stop is not None
    assert desk.desk.counts["naked_ms"] >= 400
    assert desk.executor.stops.naked.longest_ms() == 0
