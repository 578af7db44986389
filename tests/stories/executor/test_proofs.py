"""The sum of a closed trade is compared with what the venue says that the position has earned."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.exchange.trading_types import ClosedPnl
from libs.common.units import Qty, Usd
from tests.support.outages import Outage, nothing_listed
from tests.support.trading_room import BTC, Room, Running, signal

D = Decimal


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
async def desk(room: Room) -> Running:
    """An executor with a position that its stop has just closed at the venue."""
    running = await room.executor().starts()
    async with running.listening():
        await running.gets(signal())
        room.venue.set_price(BTC, "97000")
        await running.settled()
    return running


def counted(desk: Running) -> tuple[int, int]:
    return desk.desk.counts["books_differ"], desk.desk.counts["books_unproved"]


def amiss(room: Room, by: str) -> None:
    """The venue says something else than its fills add up to."""
    [row] = room.venue.books.closed
    room.venue.books.closed[:] = [replace(row, pnl=Usd(row.pnl + D(by)))]


async def settles(desk: Running, *, after_s: float = 5) -> None:
    desk.room.clock.advance(after_s)
    await desk.waits_for(desk.executor.books.settle_all())
    await desk.tells()


async def test_a_trade_that_the_venue_confirms_is_told_and_nothing_else(room: Room, desk: Running) -> None:
    await settles(desk)
    assert len(room.trades()) == 1
    assert counted(desk) == (0, 0)


@pytest.mark.parametrize(("by", "differ"), [("0.02", 1), ("-0.02", 1), ("0.009", 0)])
async def test_a_difference_of_a_cent_is_counted_and_corrected_by_nobody(
    room: Room, desk: Running, by: str, differ: int
) -> None:
    amiss(room, by)
    await settles(desk)
    await settles(desk)
    assert counted(desk) == (differ, 0)
    [trade] = room.trades().values()
    assert room.venue.books.balance == D(room.balance) + trade.pnl_usd


async def test_a_sum_that_the_venue_lists_late_is_compared_all_the_same(room: Room, desk: Running) -> None:
    amiss(room, "1")
    with nothing_listed(room.venue, "closed_pnl"):
        await settles(desk)
    assert (len(room.trades()), counted(desk)) == (1, (0, 0))
    await settles(desk)
    assert counted(desk) == (1, 0)


async def test_a_venue_that_does_not_answer_is_asked_again(room: Room, desk: Running) -> None:
    amiss(room, "1")
    outage = Outage(room.venue, "closed_pnl")
    outage.begins()
    for _ in range(30):
        await settles(desk)
    outage.ends()
    assert (len(room.trades()), counted(desk)) == (1, (0, 0))
    await settles(desk)
    assert counted(desk) == (1, 0)


async def test_half_of_what_closed_it_proves_nothing(room: Room, desk: Running) -> None:
    [row] = room.venue.books.closed
    half = replace(row, closed_qty=Qty(row.closed_qty / 2), pnl=Usd(row.pnl / 2))
    room.venue.books.closed[:] = [half]
    await settles(desk)
    assert counted(desk) == (0, 0)
    room.venue.books.closed.append(half)
    await settles(desk)
    assert counted(desk) == (0, 0)


async def test_what_the_venue_never_lists_is_told_as_unproved_once(room: Room, desk: Running) -> None:
    rows: list[ClosedPnl] = room.venue.books.closed
    rows.clear()
    for _ in range(30):
        await settles(desk)
    assert (len(room.trades()), counted(desk)) == (1, (0, 1))
