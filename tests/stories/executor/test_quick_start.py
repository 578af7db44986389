"""A start that finds everything as it was left asks for little; one that does not asks until it knows."""

import threading
from pathlib import Path

import pytest

from libs.common.contracts.recovery import Phase, RecoveryAction, RecoveryDone
from libs.common.exchange.trading_types import Action
from services.executor.adapters.instrument_file import NAME, InstrumentFile
from tests.support.trading_room import BTC, ETH, Room, signal

MOST = 7  # questions; asking for executions may ask for the market's time as well


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


async def left_managing(room: Room) -> None:
    desk = await room.executor().starts()
    await desk.executor.learn()
    async with desk.listening():
        await desk.gets(signal(), signal(ETH, price="4000"))


def last(room: Room) -> RecoveryDone:
    told = room.told(RecoveryDone)[-1]
    assert isinstance(told, RecoveryDone)
    return told


async def test_a_start_with_everything_as_it_was_left_asks_seven_questions(room: Room) -> None:
    await left_managing(room)
    again = await room.executor().starts()
    assert (last(room).action, last(room).requests) == (RecoveryAction.CONTINUE_NORMAL, MOST)
    assert {kept.position.symbol for kept in again.positions()} == {BTC, ETH}
    assert BTC in again.desk.instruments


async def test_a_lost_list_of_contracts_is_asked_for_and_kept(room: Room) -> None:
    await left_managing(room)
    (room.home / NAME).unlink()
    desk = await room.executor().starts()
    assert last(room).requests == MOST + 1
    await desk.executor.learn()
    assert (room.home / NAME).exists()


async def test_a_missing_stop_is_put_back_before_it_manages(room: Room) -> None:
    await left_managing(room)
    room.venue.strip_stop(BTC)
    await room.executor().starts()
    [btc] = [venue for venue in await room.venue.positions() if venue.symbol == BTC]
    assert btc.stop is not None


async def test_what_was_closed_meanwhile_is_accounted_for(room: Room) -> None:
    await left_managing(room)
    room.venue.by_hand(BTC, Action.SELL, str(room.venue.books.holdings[BTC].qty))
    again = await room.executor().starts()
    assert {kept.position.symbol for kept in again.positions()} == {ETH}
    assert len(room.trades()) == 1


async def test_a_first_start_does_not_wait_for_a_disk_that_hangs(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of contracts is for the next start: this one has positions to protect."""
    released = threading.Event()
    monkeypatch.setattr(InstrumentFile, "keep", lambda *_: released.wait())
    desk = room.executor()
    async with desk.serving():
        phase = desk.desk.phase
        released.set()
    assert phase is Phase.SEEKING_ENTRY
