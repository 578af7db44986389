"""Positions that hands made: through zero, twice in one instant, in contracts nobody lists. Each has its own trade."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.errors import Transient
from libs.common.exchange.memory import MemoryVenue
from libs.common.exchange.memory_faults import Answer, LostRequest
from libs.common.exchange.trading_types import Action, ExecutionPage
from libs.common.units import Fraction, Qty, Symbol
from services.executor.core.protections import Limits
from services.executor.core.reconcile import Verdict
from tests.support import builders
from tests.support.trading_room import BTC, ETH, Room, signal

D = Decimal


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


async def test_a_hand_that_trades_through_our_position_leaves_two_whole_trades(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        ours = desk.opened().position
        room.venue.pass_market(1_000)
        room.venue.by_hand(BTC, Action.SELL, str(2 * ours.qty), stop="104000")
        await desk.settled()
        await desk.looks_round()
        assert desk.opened().position.qty == ours.qty
        room.venue.pass_market(1_000)
        room.venue.by_hand(BTC, Action.BUY, str(ours.qty))
        await desk.settled()
        await desk.looks_round()
        await desk.guards()
    assert desk.open() is None
    trades = room.trades().values()
    assert len(trades) == 2
    assert room.venue.books.balance == D(room.balance) + sum(trade.pnl_usd for trade in trades)


async def test_two_positions_of_one_instant_are_two_trades(room: Room) -> None:
    """At a paused market everything happens in the same millisecond."""
    desk = await room.executor().starts()
    async with desk.listening():
        for _ in range(2):
            room.venue.by_hand(BTC, Action.BUY, "0.01", stop="97000")
            await desk.settled()
            await desk.looks_round()
            room.venue.by_hand(BTC, Action.SELL, "0.01")
            await desk.settled()
            await desk.looks_round()
    trades = room.trades().values()
    assert len(trades) == 2
    assert room.venue.books.balance == D(room.balance) + sum(trade.pnl_usd for trade in trades)


async def test_two_positions_of_one_instant_that_nobody_saw_are_two_trades(room: Room) -> None:
    desk = await room.executor().starts()
    for _ in range(2):
        room.venue.by_hand(BTC, Action.BUY, "0.01", stop="97000")
        room.venue.by_hand(BTC, Action.SELL, "0.01")
    await desk.looks_round()
    await desk.looks_round()
    assert len(room.trades()) == 2


async def test_a_position_in_a_contract_that_is_not_listed_stops_nobody(room: Room) -> None:
    """A dated future, a delisted name: no order of ours could be named for it. The others are managed on."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        del desk.desk.instruments[ETH]
        room.venue.by_hand(ETH, Action.BUY, "0.1")
        await desk.settled()
        await desk.looks_round()
        await desk.guards()
        room.venue.strip_stop(BTC)
        await desk.guards()
    assert room.venue.books.holdings[BTC].stop is not None
    with desk.desk.ledger.read() as pages:
        assert Symbol("ETHUSDT") in pages.reviews()


async def test_a_position_whose_contract_is_delisted_can_be_closed(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        del desk.desk.instruments[BTC]
        room.venue.strip_stop(BTC)
        await desk.guards()
        assert room.venue.books.holdings[BTC].stop is not None
        await desk.gets(builders.flatten())
        await desk.guards()
    assert BTC not in room.venue.books.holdings


async def test_a_fill_that_is_known_and_not_booked_takes_its_slot(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order says Filled, its executions do not come, and the position list is from before."""
    desk = await room.executor(limits=Limits(0, Fraction(D("0.9")))).starts()
    room.venue.freeze_positions(1_000)
    answers = MemoryVenue.executions

    async def silent(*_: object, **__: object) -> ExecutionPage:
        raise Transient("no answer")

    monkeypatch.setattr(MemoryVenue, "executions", silent)
    await desk.gets(signal())
    room.clock.advance(10)
    await desk.gets(signal(n=1))
    assert len(room.created()) == 1
    assert desk.declined() == ["taken"]
    monkeypatch.setattr(MemoryVenue, "executions", answers)


@pytest.mark.parametrize("fault", [LostRequest(), Answer(10006), Answer(10002)])
async def test_a_partial_exit_whose_request_did_not_arrive_is_taken_at_the_next_attempt(
    room: Room, fault: LostRequest | Answer
) -> None:
    """A command is never skipped."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        position = desk.opened().position
        named = {"position_id": position.position_id, "side": position.side, "version": 9}
        room.venue.script(fault)
        await desk.gets(builders.position_reduce(**named, qty=Qty(D("0.002"))), seconds=60)
    assert desk.opened().position.qty == position.qty - D("0.002")
    assert [name.rpartition("-")[2] for name in room.created()] == ["e", "p1a2"]


async def test_sightings_of_one_day_prove_nothing_on_another(room: Room) -> None:
    """A position that was missing from reports for a while, then explained: the next one starts from nothing."""
    desk = await room.executor(limits=Limits(0, Fraction(D("0.9")))).starts()
    async with desk.listening():
        await desk.gets(signal())
        holding = room.venue.books.holdings.pop(BTC)
        for _ in range(11):
            room.clock.advance(6)
            await desk.looks_round()
        room.venue.books.holdings[BTC] = replace(holding)
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.looks_round()
        assert (BTC, Verdict.GONE) not in desk.executor.reconciler._sightings
