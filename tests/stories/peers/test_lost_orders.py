"""Orders that other systems lost, cancelled or sent twice, because an answer was late, missing or strange."""

from collections.abc import Callable

import pytest

from libs.common.exchange.memory_faults import AnsweredAmiss, LeftWorking, LostReply, LostRequest
from libs.common.units import Instant
from services.executor.core.commit_points import ENTRY_ANSWERED
from services.executor.core.intent import Intent
from services.executor.core.order import OrderState
from tests.support import builders
from tests.support.outages import LOOK_UPS, Outage, nothing_listed
from tests.support.trading_room import BTC, SLOT, Dies, Room, Running, dies_at, signal

AN_HOUR_ON = Instant(SLOT + 3_600_000)


def live(desk: Running) -> list[Intent]:
    with desk.desk.ledger.read() as pages:
        return list(pages.live_intents(BTC))


def state(desk: Running, link_id: str) -> OrderState:
    with desk.desk.ledger.read() as pages:
        intent = pages.intent(link_id)
    assert intent is not None
    return intent.state


def answered(outage: Outage) -> Callable[[str], None]:
    """The network goes down at the moment at which an entry has been answered."""

    def reached(point: str) -> None:
        if point == ENTRY_ANSWERED:
            outage.begins()

    return reached


async def minutes_pass(desk: Running, room: Room, minutes: int) -> None:
    """Whatever is unfinished is looked after meanwhile."""
    for _ in range(minutes):
        room.clock.advance(60)
        await desk.waits_for(desk.executor.reconciler.finish(), seconds=60)


async def test_an_accepted_order_outlives_a_network_that_is_down_for_half_an_hour(room: Room, desk: Running) -> None:
    """hummingbot#8457: six accepted orders were dropped, because a network error counted as "not found"."""
    outage = Outage(room.venue, *LOOK_UPS)
    desk.desk.reached = answered(outage)
    room.venue.script(LostReply())
    await desk.gets(signal(), seconds=60)
    await minutes_pass(desk, room, 30)
    assert [intent.state for intent in live(desk)] == [OrderState.UNKNOWN]
    outage.ends()
    await desk.waits_for(desk.executor.reconciler.finish(), seconds=60)
    assert desk.opened().position.position_id == room.created()[0]
    assert len(room.created()) == 1


@pytest.mark.parametrize("silent", ["find_order", "executions", "positions"])
async def test_one_source_that_does_not_answer_is_enough_to_keep_an_order_unknown(
    room: Room, desk: Running, silent: str
) -> None:
    """hummingbot#8457: only an explicit "not found" of every source may end an order."""
    outage = Outage(room.venue, silent)
    desk.desk.reached = answered(outage)
    room.venue.script(LostRequest())
    await desk.gets(signal(valid_until=AN_HOUR_ON), seconds=60)
    await minutes_pass(desk, room, 10)
    assert [intent.state for intent in live(desk)] == [OrderState.UNKNOWN]
    assert len([asked for asked in room.venue.asked if asked.what == "create"]) == 1
    outage.ends()
    async with desk.listening():
        await minutes_pass(desk, room, 2)
        assert desk.opened().position.position_id == room.created()[0]


@pytest.mark.parametrize("heard", [True, False])
async def test_a_retry_is_called_off_by_any_proof_that_the_first_request_arrived(
    room: Room, desk: Running, heard: bool
) -> None:
    """nautilus#4215: the retry went out although the stream had the order, and its "duplicate id" ended it."""
    room.venue.script(AnsweredAmiss(10006, "Too many visits!"))
    if heard:
        async with desk.listening():
            await desk.gets(signal())
    else:
        await desk.gets(signal())
    position = desk.opened().position
    assert state(desk, position.position_id) is OrderState.FILLED
    assert room.created() == [position.position_id]
    assert len([asked for asked in room.venue.asked if asked.what == "create"]) == (1 if heard else 2)


@pytest.mark.parametrize("dead_for_s", [3, 15])
async def test_one_not_found_at_a_start_ends_no_order(room: Room, desk: Running, dead_for_s: int) -> None:
    """freqtrade PR#6943: an order three seconds old was "unknown for five days" and its trade was deleted."""
    desk.desk.reached = dies_at(ENTRY_ANSWERED)
    with pytest.raises(Dies):
        await desk.gets(signal())
    room.clock.advance(dead_for_s)
    with nothing_listed(room.venue, *LOOK_UPS):
        second = await room.executor().starts()
        assert len(live(second)) == 1
        await second.gets(signal(n=1))
        assert second.declined()[-1:] == ["taken"]
    room.clock.advance(11)
    await second.waits_for(second.executor.reconciler.finish(), seconds=60)
    assert second.opened().position.position_id == room.created()[0]
    assert len(room.created()) == 1


async def test_a_cancel_that_was_acknowledged_is_not_a_cancelled_order(room: Room, desk: Running) -> None:
    """freqtrade#9128, freqtrade#9273: the answer to a cancel was taken for its end, and a ghost position stayed."""
    room.venue.script(LeftWorking())
    async with desk.listening():
        await desk.gets(signal())
        [working] = live(desk)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(room.venue.books, "cancel", lambda _: None)  # acknowledged, and carried out later or never
            await desk.gets(builders.halt())
        assert [intent.state for intent in live(desk)] == [OrderState.ACCEPTED]
        room.venue.fills(working.link_id)
        await desk.settled()
    position = desk.opened().position
    assert position.qty == room.venue.books.holdings[BTC].qty
    assert position.stop == room.venue.books.holdings[BTC].stop is not None


async def test_a_cancel_that_nobody_told_of_is_looked_up(room: Room, desk: Running) -> None:
    """freqtrade#9273: the order was gone and its trade stayed."""
    room.venue.script(LeftWorking())
    await desk.gets(signal())
    await desk.gets(builders.halt())
    await minutes_pass(desk, room, 1)
    assert live(desk) == []
    assert state(desk, room.created()[0]) is OrderState.CANCELLED


async def test_a_cancel_whose_request_was_lost_is_asked_for_again(room: Room, desk: Running) -> None:
    """freqtrade#9128: after a cancel that did not arrive an entry went on working behind everybody's back."""
    room.venue.script(LeftWorking(), LostRequest())
    await desk.gets(signal())
    await desk.gets(builders.halt())
    assert [asked.what for asked in room.venue.asked[-2:]] == ["cancel", "cancel"]
    assert room.venue.books.working() == []


async def test_an_entry_whose_fill_was_not_taken_in_yet_is_not_posted_again(room: Room, desk: Running) -> None:
    """passivbot#980: a slow loop had not taken the fill in, and the same entry went out twice: 142 % exposure."""
    room.venue.freeze_positions(1_000, empty=True)
    with nothing_listed(room.venue, "executions"):
        await desk.gets(signal())
        room.clock.advance(129)
        await desk.gets(signal(n=1))
    assert desk.open() is None, "nothing told of the fill"
    assert desk.declined() == ["taken"]
    assert len(room.created()) == 1
