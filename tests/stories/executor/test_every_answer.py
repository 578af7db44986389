"""Every code that the venue is documented to answer, and some that it is not: what becomes of the order it answers."""

from pathlib import Path

import pytest

from libs.common.exchange.memory_faults import Answer, AnsweredAmiss, Fault, LostReply, LostRequest
from libs.common.exchange.outcomes import MEANINGS, Meaning
from services.executor.core.intent import Intent
from services.executor.core.order import OrderState
from tests.support.trading_room import BTC, Room, Running, signal

UNEXPLAINED = (-1, 1, 10018, 170131, 999999)
REFUSED = sorted(code for code, meaning in MEANINGS.items() if meaning is Meaning.REFUSED)
LATER = sorted(code for code, meaning in MEANINGS.items() if meaning is Meaning.LATER)
OPEN_QUESTIONS = [*sorted(set(MEANINGS) - set(REFUSED) - set(LATER)), *UNEXPLAINED]


@pytest.fixture
async def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
async def desk(room: Room) -> Running:
    return await room.executor().ready()


def entry(desk: Running) -> Intent:
    [asked] = {asked.link_id for asked in desk.room.venue.asked if asked.what == "create"}
    with desk.desk.ledger.read() as pages:
        intent = pages.intent(asked)
    assert intent is not None
    return intent


async def is_found_out(desk: Running) -> None:
    """Ten seconds later any executor takes the order up, as often as it needs."""
    for _ in range(3):
        desk.room.clock.advance(11)
        await desk.waits_for(desk.executor.reconciler.finish())
    await desk.looks_round()


@pytest.mark.parametrize("code", REFUSED)
async def test_refused_for_good_ends_the_order_and_spends_its_slot(room: Room, desk: Running, code: int) -> None:
    room.venue.script(Answer(code))
    await desk.gets(signal())
    assert entry(desk).state is OrderState.REFUSED
    assert entry(desk).reason.startswith(str(code))
    await desk.gets(signal())
    assert len(room.venue.asked) == 1
    assert room.created() == []


@pytest.mark.parametrize("code", LATER)
async def test_refused_for_now_is_sent_again_under_the_same_name(room: Room, desk: Running, code: int) -> None:
    room.venue.script(Answer(code))
    async with desk.listening():
        await desk.gets(signal())
    assert [asked.what for asked in room.venue.asked] == ["create", "create"]
    assert room.created() == [entry(desk).link_id] == [desk.opened().position.position_id]


@pytest.mark.parametrize("fault", [*map(Answer, OPEN_QUESTIONS), LostRequest()], ids=str)
async def test_what_leaves_the_question_open_ends_no_order_and_frees_no_slot(
    room: Room, desk: Running, fault: Fault
) -> None:
    room.venue.script(fault)
    async with desk.listening():
        await desk.gets(signal(), seconds=60)
        assert entry(desk).state.may_be_live
        await desk.gets(signal(n=1))
        assert desk.declined() == ["taken"]
        await is_found_out(desk)
    assert room.created() == [entry(desk).link_id] == [desk.opened().position.position_id]


@pytest.mark.parametrize("fault", [*map(AnsweredAmiss, (*REFUSED, *LATER, *OPEN_QUESTIONS)), LostReply()], ids=str)
async def test_an_order_that_was_obeyed_is_ours_whatever_was_answered(room: Room, desk: Running, fault: Fault) -> None:
    room.venue.script(fault)
    async with desk.listening():
        await desk.gets(signal(), seconds=60)
        await is_found_out(desk)
    assert room.created() == [entry(desk).link_id] == [desk.opened().position.position_id]
    assert desk.opened().position.stop == room.venue.books.holdings[BTC].stop is not None
