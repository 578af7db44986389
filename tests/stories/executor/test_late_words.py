"""Commands and signals that come late, twice or broken: the switch never opens by itself, and nothing kills us."""

from pathlib import Path

import pytest

from libs.common.contracts.message import Message
from libs.common.units import Instant, Symbol
from services.executor.core.switch import HALT_FILE, Level, halt_text
from tests.support import builders
from tests.support.trading_room import BTC, WALL, Room, Running, signal


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def level(desk: Running) -> Level:
    with desk.desk.ledger.read() as pages:
        return pages.switch().level


def said(command: Message, seconds: int) -> Message:
    return command.stamped(sent=Instant(WALL + seconds * 1_000), source="rest")


async def test_a_resume_from_before_a_halt_opens_nothing(room: Room) -> None:
    """It was pending at an executor that died, and came back after a person had halted."""
    desk = await room.executor().starts()
    resume = said(builders.entries_resume(halted=True), 10)
    await desk.gets(said(builders.entries_pause(), 5), resume, said(builders.halt(), 20), resume)
    assert level(desk) is Level.HALTED
    await desk.gets(said(builders.entries_resume(halted=True), 30))
    assert level(desk) is Level.OPEN


async def test_a_flatten_from_before_a_resume_closes_nothing(room: Room) -> None:
    desk = await room.executor().starts()
    flatten = said(builders.flatten(), 5)
    async with desk.listening():
        await desk.gets(flatten, said(builders.entries_resume(halted=True), 10), signal(), flatten)
        await desk.guards()
        assert desk.opened().closing is None
    assert level(desk) is Level.OPEN


async def test_two_words_that_wait_together_are_taken_in_the_order_they_were_said(room: Room) -> None:
    desk = await room.executor().starts()
    room.clock.advance(60)
    await desk.gets(said(builders.halt(), 5), said(builders.entries_resume(halted=True), 10))
    assert level(desk) is Level.OPEN


async def test_a_halt_file_written_after_a_resume_was_said_stays(room: Room) -> None:
    desk = await room.executor().starts()
    (room.home / HALT_FILE).write_text(halt_text(Level.HALTED, by="cli", reason="fire"))
    await desk.gets(builders.entries_resume(halted=True).stamped(sent=Instant(1), source="rest"))
    await desk.gets(signal())
    assert desk.declined() == ["switch"]


@pytest.mark.parametrize("wrong", [{"symbol": Symbol("BTC-USDT")}, {"slot": Instant(1)}])
async def test_a_signal_that_no_order_can_be_named_for_goes_to_the_dead(room: Room, wrong: dict[str, object]) -> None:
    desk = await room.executor().starts()
    await desk.gets(signal().model_copy(update=wrong))
    assert len(room.server.dead) == 1
    assert room.created(BTC) == []
