"""Stops that other systems lost, sized wrongly, or took the position down with."""

from decimal import Decimal as D
from typing import Any

import pytest

from libs.common.contracts.trades import CloseReason
from libs.common.exchange.memory_faults import Answer, Fault, LostReply, LostRequest
from libs.common.exchange.trading_types import Action
from libs.common.units import Price, Qty
from tests.support import builders
from tests.support.trading_room import BTC, Room, Running, signal


def named(desk: Running) -> dict[str, Any]:
    position = desk.opened().position
    return {"position_id": position.position_id, "side": position.side, "version": position.version}


def asked(room: Room) -> list[str]:
    return [request.what for request in room.venue.asked]


async def test_a_stop_that_was_filled_in_part_guards_the_rest_with_its_whole_size(room: Room, desk: Running) -> None:
    """freqtrade#8374, freqtrade#8526: the next stop was placed for the size of before."""
    async with desk.listening():
        await desk.gets(signal())
        whole = desk.opened().position.qty
        room.venue.by_hand(BTC, Action.SELL, "0.003")
        room.venue.strip_stop(BTC)  # it is spent, and the market is back above it
        await desk.settled()
        await desk.guards()
        await desk.looks_round()
        rest = desk.opened().position
        assert rest.qty == room.venue.books.holdings[BTC].qty == whole - D("0.003")
        assert rest.stop == room.venue.books.holdings[BTC].stop == D("98000.0")
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.looks_round()
    assert BTC not in room.venue.books.holdings
    [trade] = room.trades().values()
    assert (trade.qty, trade.close_reason) == (whole, CloseReason.STOP_LOSS)


async def test_a_partial_exit_takes_no_stop_away(room: Room, desk: Running) -> None:
    """freqtrade#8169: the stop was cancelled first, and the rest stood without one if the new one failed."""
    async with desk.listening():
        await desk.gets(signal())
        before = len(room.venue.asked)
        await desk.gets(builders.position_reduce(**named(desk), qty=Qty(D("0.002"))))
        await desk.looks_round()
        assert asked(room)[before:] == ["create"], "the stop was touched"
        assert room.venue.books.holdings[BTC].stop == desk.opened().position.stop == D("98000.0")


@pytest.mark.parametrize("fault", [LostRequest(), LostReply(), Answer(10006), Answer(10016), Answer(10002)])
async def test_a_stop_that_could_not_be_moved_leaves_the_old_one_and_the_position(
    room: Room, desk: Running, fault: Fault
) -> None:
    """freqtrade#9629: replacing the stop failed, and the position was sold in an emergency exit."""
    async with desk.listening():
        await desk.gets(signal())
        room.venue.script(fault)
        await desk.gets(builders.stop_move(**named(desk), stop=Price(D("98900"))))
        await desk.guards()
        await desk.looks_round()
        assert "cancel" not in asked(room), "a stop is edited in place"
        assert desk.opened().position.stop == room.venue.books.holdings[BTC].stop == D("98900")
    assert room.trades() == {}
