"""An executor that stops in the middle of its work and wakes when its lock is long over changes nothing at the venue.

A stopped process sees nothing of its pause: between one instruction and the next, time has jumped.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from libs.common.units import Instant, Price
from services.executor.core.commit_points import ENTRY_ADMITTED, EXIT_PLANNED, STOP_PLANNED
from services.executor.shell.reconciler import UNTOUCHED_MS
from tests.support import builders
from tests.support.trading_room import BTC, SLOT, Room, Running, signal

D = Decimal
PAUSE_S = 30  # six times the lease of a lock


@pytest.fixture
def room(tmp_path: Path, ledger_url: str) -> Room:
    return Room(tmp_path, ledger_url=ledger_url)


def pauses_at(point: str, room: Room, meanwhile: Callable[[], object]) -> Callable[[str], None]:
    """A process that is stopped once at this commit point, while others do `meanwhile`."""
    left = [point]

    def reached(name: str) -> None:
        if name in left:
            left.remove(name)
            meanwhile()
            room.clock.advance(PAUSE_S)

    return reached


async def test_an_entry_is_not_sent_when_the_lock_ran_out_before_it_left(room: Room) -> None:
    one = await room.executor("one").starts()
    one.desk.reached = pauses_at(ENTRY_ADMITTED, room, lambda: None)
    async with one.listening():
        await one.gets(signal())
    assert room.created() == []
    with one.desk.ledger.read() as pages:
        assert not pages.live_intents()


async def test_an_entry_that_another_took_up_meanwhile_is_left_to_them(room: Room) -> None:
    one, other = await room.executor("one").starts(), await room.executor("other").starts()
    one.desk.reached = pauses_at(ENTRY_ADMITTED, room, lambda: takes_over(other))
    async with other.listening():
        await one.gets(signal(valid_until=Instant(SLOT + 3_600_000)))
        assert room.created() == []
        await other.waits_for(other.executor.reconciler.finish(), seconds=60)
    assert len(room.created()) == 1
    assert other.opened().position.stop is not None


async def test_a_stop_from_before_the_pause_does_not_replace_a_newer_one(room: Room) -> None:
    """Both are tighter than what the sleeper knew: only the date of its request keeps it out."""
    one, other = await room.executor("one").starts(), await room.executor("other").starts()
    async with other.listening():
        await other.gets(signal())
        one.desk.reached = pauses_at(STOP_PLANNED, room, lambda: room.venue.books.set_stop(BTC, Price(D("99500"))))
        await one.gets(move(other, "99000"), seconds=60)
    assert room.venue.books.holdings[BTC].stop == D("99500")


async def test_an_exit_from_before_the_pause_is_refused_and_asked_for_anew(room: Room) -> None:
    one = await room.executor("one").starts()
    async with one.listening():
        await one.gets(signal())
        one.desk.reached = pauses_at(EXIT_PLANNED, room, lambda: None)
        await one.gets(builders.position_close(position_id=one.opened().position.position_id), seconds=90)
        room.clock.advance(UNTOUCHED_MS / 1_000)
        await one.waits_for(one.executor.reconciler.finish(), seconds=60)
        await one.guards()
        await one.looks_round()
    assert BTC not in room.venue.books.holdings
    assert len([name for name in room.created() if "-x" in name]) == 1


def takes_over(other: Running) -> None:
    """Another executor takes the symbol when the sleeper's lock has ended."""
    with other.desk.ledger.write() as pages:
        pages.take_fence(BTC)


def move(desk: Running, stop: str) -> Any:
    position = desk.opened().position
    return builders.stop_move(
        position_id=position.position_id, side=position.side, version=position.version, stop=D(stop)
    )
