"""Fills that other systems counted twice, or never heard of."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from libs.common.exchange.trading_types import Action
from libs.common.units import Side
from tests.support.outages import nothing_listed
from tests.support.trading_room import BTC, Room, Running, signal

D = Decimal


async def a_minute_passes(desk: Running, room: Room, *, seconds: int = 70) -> None:
    """Long enough for a difference to be believed."""
    for _ in range(seconds // 5):
        room.clock.advance(5)
        await desk.looks_round()


async def test_a_hands_position_whose_fills_come_late_is_counted_once(room: Room, desk: Running) -> None:
    """nautilus PR#3493: a fill was inferred from the position, then the real one came and counted too."""
    async with desk.listening():
        room.venue.lose_frames(3)  # the order and its execution; the position is told
        with nothing_listed(room.venue, "executions"):
            room.venue.by_hand(BTC, Action.BUY, "0.01")
            await desk.settled()
            await desk.looks_round()
            await desk.guards()
            assert room.venue.books.holdings[BTC].stop is not None  # its protection does not wait for its fills
        await desk.looks_round()
        position = desk.opened().position
        assert (position.side, position.qty) == (Side.LONG, D("0.01"))
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.looks_round()
    [trade] = room.trades().values()
    assert trade.qty == D("0.01")
    assert room.venue.books.balance == D(room.balance) + trade.pnl_usd


@pytest.mark.parametrize("qty", ["0.002", "0.005"])
async def test_a_fill_that_comes_after_the_venues_word_was_taken_for_it_is_counted_once(
    room: Room, desk: Running, qty: str
) -> None:
    """nautilus PR#3493: what was inferred for want of a fill makes room for the fill."""
    async with desk.listening():
        await desk.gets(signal())
        with nothing_listed(room.venue, "executions"):
            room.venue.lose_frames(10)
            room.venue.by_hand(BTC, Action.BUY, qty)
            await a_minute_passes(desk, room)
            assert desk.opened().position.qty == room.venue.books.holdings[BTC].qty  # the venue's word
        await desk.looks_round()
        assert desk.opened().position.qty == room.venue.books.holdings[BTC].qty
        await a_minute_passes(desk, room)
        assert desk.opened().position.qty == room.venue.books.holdings[BTC].qty
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.looks_round()
    [trade] = room.trades().values()
    assert room.venue.books.balance == D(room.balance) + trade.pnl_usd


@pytest.fixture
async def running(room: Room) -> AsyncIterator[Running]:
    """An executor with all of its loops."""
    desk = room.executor()
    task = asyncio.create_task(desk.executor.run())
    await passes(desk, 2)
    yield desk
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def passes(desk: Running, seconds: float) -> None:
    for _ in range(int(seconds * 20)):
        await desk.settled()
        desk.room.clock.advance(0.05)
    await desk.settled()


async def test_what_was_filled_while_the_stream_was_away_is_asked_for_when_it_is_back(
    room: Room, running: Running
) -> None:
    """LEAN.TradeStation PR#95, LEAN.IB#249: the fills of a reconnection were never known."""
    await running.bus.publish(signal())
    await passes(running, 3)
    await passes(running, 30)  # the regular look is just over
    room.venue.drop_private()
    room.venue.by_hand(BTC, Action.BUY, "0.002")
    await passes(running, 0.5)
    before = running.opened().position.qty
    room.venue.restore_private()
    await passes(running, 1)
    assert running.opened().position.qty == room.venue.books.holdings[BTC].qty == before + D("0.002")


async def test_a_frame_dropped_on_a_healthy_stream_is_missed_for_half_a_minute_at_most(
    room: Room, running: Running
) -> None:
    """LEAN.TradeStation#101: one frame, no error, and the fill was never known."""
    await running.bus.publish(signal())
    await passes(running, 3)
    room.venue.lose_frames(10)
    room.venue.by_hand(BTC, Action.BUY, "0.002")
    await passes(running, 31)
    assert running.opened().position.qty == room.venue.books.holdings[BTC].qty
