"""The guard over stops: one position's trouble is no other's, and no report speaks of a position it came before."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.contracts.trades import CloseReason
from libs.common.exchange.memory import MemoryVenue
from libs.common.exchange.memory_faults import LostRequest
from libs.common.exchange.trading_types import Action, VenuePosition
from libs.common.units import Fraction, Instant
from services.executor.core.protections import Limits
from tests.stories.executor.test_stops import move, stop_at_venue
from tests.stories.executor.test_two_executors import delivery
from tests.support import builders
from tests.support.trading_room import BTC, ETH, Room, signal

D = Decimal


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


async def test_a_report_from_before_a_position_gives_it_no_stop(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed and opened again while the report was on its way: the last position's stop is not the next one's."""
    desk = await room.executor(limits=Limits(0, Fraction(D("0.9")))).starts()
    gate, answers, late = asyncio.Event(), MemoryVenue.positions, [True]

    async def positions(venue: MemoryVenue) -> Sequence[VenuePosition]:
        report = await answers(venue)
        if late.pop() if late else False:
            await gate.wait()
        return report

    async with desk.listening():
        await desk.gets(signal())
        await desk.gets(move(desk, "99900"))
        monkeypatch.setattr(MemoryVenue, "positions", positions)
        guarding = asyncio.create_task(desk.executor.guard())
        await desk.settled()
        room.venue.set_price(BTC, "99000")
        await desk.settled()
        await desk.looks_round()
        room.clock.advance(5)
        await desk.gets(signal(n=1, price="99000"))
        first = stop_at_venue(room)
        gate.set()
        await desk.waits_for(asyncio.shield(guarding))
        await desk.guards()
    assert first is not None
    assert first < D("99000")
    assert stop_at_venue(room) == desk.opened().position.stop == first


async def test_one_stop_that_cannot_be_set_leaves_no_other_position_naked(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal(), signal(ETH, price="4000"))
        room.venue.strip_stop(BTC)
        room.venue.strip_stop(ETH)
        room.venue.script(*[LostRequest()] * 5)
        await desk.guards()
    assert room.venue.books.holdings[ETH].stop is not None


async def test_an_exit_that_hangs_keeps_no_stop_waiting(room: Room) -> None:
    desk = room.executor()
    serving = asyncio.create_task(desk.executor.run())
    await desk.passes(1)
    await desk.bus.publish(signal(), signal(ETH, price="4000"))
    await desk.passes(1)
    room.venue.script(LostRequest())
    desk.executor.exits.want(desk.opened(ETH).position.position_id, CloseReason.MANUAL, "by hand")
    await desk.passes(1.5)
    room.venue.strip_stop(BTC)
    await desk.passes(2)
    assert room.venue.books.holdings[BTC].stop is not None
    assert ETH in room.venue.books.holdings  # nobody knows yet whether the first request arrived
    await desk.passes(30)
    assert ETH not in room.venue.books.holdings
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def test_a_naked_position_that_nobody_can_explain_gets_a_stop_first(room: Room) -> None:
    """Its executions contradict it, so it is not adopted at once; its protection does not wait for that."""
    room.venue.by_hand(BTC, Action.BUY, "0.01")
    room.venue.pass_market(1)
    room.venue.by_hand(BTC, Action.BUY, "0.01")
    del room.venue.books.executions[-1]
    desk = await room.executor().starts()
    await desk.guards()
    assert stop_at_venue(room) == D("98000.0")
    assert desk.open() is None


async def test_a_tighter_wish_survives_the_failure_of_another(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        wishes = [move(desk, "98500"), move(desk, "99000")]
        room.venue.script(*[LostRequest()] * 5)
        async with desk.desk.locks.hold(BTC, wait_ms=0):
            handled = asyncio.gather(*(desk.executor.handle(delivery(wish)) for wish in wishes))
            await desk.settled()
        await desk.waits_for(handled)
    assert stop_at_venue(room) == D("99000")


async def test_an_old_price_closes_nothing(room: Room) -> None:
    """The price stream stood still below the stop; the market did not."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        desk.executor.watch.heard(builders.price(last="98200", at=Instant(room.venue.books.now - 1_000)))
        room.venue.set_price(BTC, "101000")
        await desk.gets(move(desk, "99000"))
        await desk.guards()
    assert stop_at_venue(room) == D("99000")
