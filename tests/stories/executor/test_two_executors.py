"""Two executors on one ledger and one account, and a holder of the lock who falls asleep."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from libs.common.bus import Delivery
from libs.common.contracts.message import Message
from libs.common.exchange.memory_faults import Delayed
from libs.common.locks.held import LOCK_MS
from libs.common.units import Fraction, Instant, Side
from services.executor.core.commit_points import ENTRY_ADMITTED, ENTRY_ANSWERED
from services.executor.core.intent import Overtaken
from services.executor.core.sizing import Risk
from tests.support import builders
from tests.support.trading_room import BTC, ETH, SLOT, SOL, Dies, Room, dies_at, signal

D = Decimal


@pytest.fixture
def room(tmp_path: Path, ledger_url: str) -> Room:
    return Room(tmp_path, ledger_url=ledger_url)


async def test_the_same_signal_at_two_executors_is_one_order(room: Room) -> None:
    one, two = await room.executor("one").starts(), await room.executor("two").starts()
    async with one.listening(), two.listening():
        await asyncio.gather(one.gets(signal()), two.gets(signal()))
    assert len(room.created()) == 1
    assert len(one.positions()) == 1


async def test_a_model_that_changed_its_mind_between_two_executors_enters_once(room: Room) -> None:
    """The slot names the order, not the side."""
    one, two = await room.executor("one").starts(), await room.executor("two").starts()
    async with one.listening(), two.listening():
        await one.gets(signal())
        await two.gets(signal(side=Side.SHORT, id="another"))
    assert len(room.created()) == 1


async def test_two_executors_together_open_no_more_than_allowed(room: Room) -> None:
    risk = Risk(Fraction(D("0.01")), Fraction(D(2)), Fraction(D(5)), 2)
    one, two = await room.executor("one", risk=risk).starts(), await room.executor("two", risk=risk).starts()
    async with one.listening(), two.listening():
        await asyncio.gather(
            one.gets(signal(BTC)), two.gets(signal(ETH, price="4000")), one.gets(signal(SOL, price="200"))
        )
    assert len(room.venue.books.holdings) == 2


async def test_a_sleeper_who_wakes_with_a_lost_lock_sends_nothing_that_the_venue_takes(room: Room) -> None:
    """Kleppmann's pause: the request was on its way when the process slept past its lease."""
    one, two = await room.executor("one").starts(), await room.executor("two").starts()
    one.executor.entries._levered.add(BTC)
    gate = asyncio.Event()
    room.venue.script(Delayed(gate))
    async with two.listening():
        asleep = asyncio.create_task(one.executor.handle(delivery(signal())))
        await one.settled()
        room.clock.advance(30)  # the lease is over, nobody renewed it
        await two.settled()
        for _ in range(4):
            await two.waits_for(two.executor.reconciler.finish(), seconds=60)
            room.clock.advance(11)
        gate.set()
        await two.waits_for(asyncio.wait_for(asyncio.shield(asleep), 100), seconds=90)
    assert len(room.created()) <= 1
    assert [a.outcome for a in room.venue.asked if "10002" in str(a.outcome)]
    with one.desk.ledger.read() as pages:
        assert not pages.live_intents()


async def test_who_was_overtaken_writes_nothing(room: Room) -> None:
    one, two = await room.executor("one").starts(), await room.executor("two").starts()
    with one.desk.ledger.write() as pages:
        old = pages.take_fence(BTC)
    with two.desk.ledger.write() as pages:
        pages.take_fence(BTC)
    with pytest.raises(Overtaken), one.desk.ledger.write() as pages:
        pages.check_fence(BTC, old)
        pages.set_cursor("never", "written")
    with two.desk.ledger.read() as pages:
        assert pages.cursor("never") is None


async def test_an_order_that_a_dead_executor_left_is_taken_up_by_the_living(room: Room) -> None:
    one, two = await room.executor("one").starts(), await room.executor("two").starts()
    one.desk.reached = dies_at(ENTRY_ADMITTED)
    with pytest.raises(Dies):
        await one.gets(signal(valid_until=Instant(SLOT + 3_600_000)))
    async with two.listening():
        room.clock.advance(11)
        await two.waits_for(two.executor.reconciler.finish(), seconds=60)
        assert two.opened().position.position_id == room.created()[0]


@pytest.mark.parametrize(("point", "arrived"), [(ENTRY_ADMITTED, 0), (ENTRY_ANSWERED, 1)])
async def test_what_a_killed_executor_left_unsure_is_finished_by_the_living_within_15_s(
    room: Room, point: str, arrived: int
) -> None:
    """Its lock is still held in Redis when it dies, as after any SIGKILL."""
    one, two = await room.executor("one").starts(), room.executor("two")
    serving = asyncio.create_task(two.executor.run())
    await two.settled()
    one.desk.reached = dies_at(point)
    room.venue.lose_frames(10)  # nobody hears of it by chance
    with pytest.raises(Dies):
        await one.gets(signal(valid_until=Instant(SLOT + 3_600_000)))
    died = room.clock.now()
    assert room.locks.take(f"lock:{BTC}", "the dead", LOCK_MS)
    assert len(room.created()) == arrived
    while two.open() is None or two.live():
        await two.settled()
        room.clock.advance(0.05)
        assert room.clock.now() - died <= 15_000
    assert len(room.created()) == 1
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_a_locked_symbol_is_tried_for_half_a_second_then_skipped_said_and_counted(room: Room) -> None:
    desk = await room.executor().starts()
    desk.executor.entries._levered.update({BTC, ETH})
    async with desk.listening(), desk.desk.locks.hold(BTC, wait_ms=0):
        began = room.clock.now()
        with capture_logs() as logs:
            await desk.gets(signal())
        assert 500 <= room.clock.now() - began <= 600
        assert [line["symbol"] for line in logs if line["event"] == "signal.skipped"] == [BTC]
        assert desk.desk.counts["skipped_locked"] == 1
        await desk.gets(signal(ETH, price="4000"))  # nobody waits for another symbol's holder
        assert desk.opened(ETH)
    assert room.created() == []


async def test_a_symbol_that_is_let_go_within_half_a_second_is_entered(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        async with desk.desk.locks.hold(BTC, wait_ms=0):
            waiting = asyncio.create_task(desk.executor.handle(delivery(signal())))
            for _ in range(8):
                await desk.settled()
                room.clock.advance(0.05)
        await desk.waits_for(waiting)
        await desk.settled()
    assert len(room.created()) == 1
    assert desk.desk.counts["skipped_locked"] == 0


async def test_a_signal_for_a_locked_symbol_is_skipped_and_a_command_waits(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        async with desk.desk.locks.hold(BTC, wait_ms=0):
            await desk.gets(signal())
        assert desk.desk.counts["skipped_locked"] == 1
        assert room.created() == []
        await desk.gets(signal())
        position = desk.opened().position
        async with desk.desk.locks.hold(BTC, wait_ms=0):
            command = builders.stop_move(position_id=position.position_id, side=position.side, stop=D("98800"))
            waiting = asyncio.create_task(desk.executor.handle(delivery(command)))
            for _ in range(20):
                await desk.settled()
                room.clock.advance(0.1)
            assert not waiting.done()
        await desk.waits_for(waiting)
    assert room.venue.books.holdings[BTC].stop == D("98800")


def delivery(message: Message) -> Delivery:
    return Delivery(message.stream(), "1-0", message)
