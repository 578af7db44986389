"""Somebody else trades the same account under our names, and what a start comes after is in the recovery log."""

from dataclasses import replace
from pathlib import Path

import pytest

from libs.common.contracts.recovery import RecoveryAction, RecoveryPlanned
from libs.common.units import Instant
from services.executor.adapters.journal_rows import PHASE
from tests.support import builders
from tests.support.trading_room import BTC, ETH, SLOT, SOL, Room, Running, signal

LATE = Instant(SLOT + 3_600_000)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


async def elsewhere(room: Room, tmp_path: Path) -> Running:
    """An executor of another installation: the same keys, but neither our ledger nor our locks."""
    other = replace(room, home=tmp_path / "elsewhere")
    other.venue, other.locks = room.venue, type(room.locks)(room.clock)
    return await other.executor("elsewhere").starts()


async def test_an_entry_under_our_name_that_our_ledger_cannot_explain_waits_for_a_person(
    room: Room, tmp_path: Path
) -> None:
    first = await room.executor().starts()
    async with first.listening():
        await first.gets(signal(ETH, price="4000"))
    room.clock.advance(5)  # nothing of an earlier life of ours can arrive any more
    await first.looks_round()
    other = await elsewhere(room, tmp_path)
    async with other.listening():
        await other.gets(signal(BTC))
    stop = room.venue.books.holdings[BTC].stop
    assert stop is not None

    again = await room.executor().starts()
    planned = [m for m in room.told(RecoveryPlanned) if isinstance(m, RecoveryPlanned)][-1]
    assert planned.action is RecoveryAction.MANUAL_REVIEW_NEEDED
    assert {finding.symbol for finding in planned.findings} == {BTC}
    assert "a second instance?" in planned.findings[-1].text
    async with again.listening():
        await again.gets(signal(BTC, n=1, valid_until=LATE))
        assert again.declined() == ["review"]
        assert room.venue.books.holdings[BTC].stop == stop
        await again.gets(signal(SOL, price="200"))  # undisputed symbols are traded on
        assert again.opened(SOL)
        await again.gets(builders.recovery_accept(symbol="BTCUSDT"))
        await again.looks_round()
    assert again.opened(BTC).position.stop == stop


async def test_the_recovery_log_tells_a_first_start_a_crash_and_a_clean_stop_apart(room: Room) -> None:
    await room.executor().starts()
    stopped = await room.executor().starts()
    stopped.executor.end()
    last = await room.executor().starts()
    with last.desk.ledger.read() as pages:
        steps = [(str(step["text"]), step["phase"]) for step in pages.recovery_log(kind=PHASE)]
    told = [text for text, phase in reversed(steps) if phase == "RECOVERING"]
    assert told == ["the first start", "a start after a crash", "a start after a clean stop"]


async def test_executors_that_share_a_ledger_do_not_take_each_other_for_a_second_instance(room: Room) -> None:
    one = await room.executor("one").starts()
    async with one.listening():
        await one.gets(signal())
    await room.executor("two").starts()
    planned = [m for m in room.told(RecoveryPlanned) if isinstance(m, RecoveryPlanned)][-1]
    assert planned.action is RecoveryAction.CONTINUE_NORMAL
