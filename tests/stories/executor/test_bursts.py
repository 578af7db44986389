"""A burst of signals at two executors: the limits of the account hold over both, wherever the ledger is."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.bus import Delivery
from libs.common.contracts.signals import SignalMade
from libs.common.exchange.memory_faults import LostReply, LostRequest
from libs.common.exchange.trading_types import Action, RefusedForGood
from libs.common.units import Fraction, Symbol
from services.executor.core.sizing import Risk
from tests.support.trading_room import BTC, Room, Running, signal

D = Decimal
SYMBOLS = tuple(Symbol(f"S{number:02}USDT") for number in range(24))


@pytest.fixture
def room(tmp_path: Path, ledger_url: str) -> Room:
    return Room(tmp_path, ledger_url=ledger_url, more=SYMBOLS)


def risk(most: int) -> Risk:
    return Risk(Fraction(D("0.01")), Fraction(D(2)), Fraction(D(5)), most)


async def two(room: Room, figures: Risk) -> tuple[Running, Running]:
    return await room.executor("one", risk=figures).starts(), await room.executor("two", risk=figures).starts()


async def burst(room: Room, one: Running, other: Running) -> None:
    """Every executor handles up to eight at once, and every signal reaches both: streams deliver at least once."""
    hands = {running.desk.instance: asyncio.Semaphore(running.desk.figures.workers) for running in (one, other)}

    async def handle(running: Running, message: SignalMade) -> None:
        async with hands[running.desk.instance]:
            await running.executor.handle(Delivery(message.stream(), "1-0", message))

    signals = [signal(symbol, price="100") for symbol in SYMBOLS]
    async with one.listening(), other.listening():
        work = [handle(running, message) for running in (one, other) for message in signals]
        await one.waits_for(asyncio.gather(*work), seconds=120)
        room.clock.advance(11)
        for running in (one, other):
            await running.waits_for(running.executor.reconciler.finish(), seconds=120)
            await running.looks_round()


async def test_a_burst_at_two_executors_opens_five_positions_and_no_more(room: Room) -> None:
    one, other = await two(room, risk(5))
    await burst(room, one, other)
    assert len(room.venue.books.holdings) == 5
    assert {kept.position.symbol for kept in one.positions()} == set(room.venue.books.holdings)
    assert "max_positions" in one.declined()


async def test_orders_that_nobody_is_sure_of_take_their_slots_from_both(room: Room) -> None:
    one, other = await two(room, risk(5))
    for running in (one, other):
        running.executor.entries._levered.update(SYMBOLS)
    room.venue.script(LostReply(), LostRequest(), LostReply())
    await burst(room, one, other)
    assert len(room.venue.books.holdings) == 5
    with one.desk.ledger.read() as pages:
        assert not pages.live_intents()


async def test_a_burst_at_two_executors_gives_no_margin_out_twice(room: Room) -> None:
    """A hand's position leaves a fifth of the account: both together may ask for no more."""
    room.venue.by_hand(BTC, Action.BUY, "0.04", stop="98000")
    one, other = await two(room, risk(24))
    await burst(room, one, other)
    wallet = await room.venue.wallet()
    assert D(0) <= wallet.available < D(50)
    assert len(room.venue.books.holdings) > 4
    assert not [asked for asked in room.venue.asked if isinstance(asked.outcome, RefusedForGood)]
