"""Exits and the kill switch: reduce-only, once, until the venue is flat."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from libs.common.contracts.trades import CloseReason
from libs.common.errors import Transient
from libs.common.exchange.memory_faults import Answer, Delayed, LostReply, PartlyFilled
from libs.common.exchange.trading_types import Action
from libs.common.units import Qty, Side
from services.executor.core.switch import HALT_FILE, Level, halt_text
from tests.support import builders
from tests.support.trading_room import BTC, ETH, Room, Running, signal

D = Decimal


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def close(desk: Running, **said: Any) -> Any:
    position = desk.opened().position
    named = {"position_id": position.position_id, "side": position.side, "version": position.version}
    return builders.position_close(**{**named, "close_reason": CloseReason.MANUAL, **said})


async def test_a_close_is_reduce_only_and_asked_for_once(room: Room) -> None:
    """hummingbot#7611: the close was sent again before the first was confirmed, and made a counter position."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        command = close(desk)
        await desk.gets(command, command, command)
        await desk.looks_round()
    exits = [o for o in room.venue.books.orders.values() if o.link_id.endswith("-x1")]
    assert len(exits) == 1
    assert exits[0].reduce_only
    assert len(room.created()) == 2
    assert [t.close_reason for t in room.trades().values()] == [CloseReason.MANUAL]


@pytest.mark.parametrize("fault", [LostReply(), Answer(10006), Answer(10002), Answer(10016), Answer(110017)])
async def test_a_close_that_goes_wrong_is_found_out_and_finished(room: Room, fault: Any) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.script(fault)
        await desk.gets(close(desk), seconds=90)
        for _ in range(6):
            room.clock.advance(3)
            await desk.waits_for(desk.executor.reconciler.finish(), seconds=60)
            await desk.guards()
        await desk.looks_round()
    assert BTC not in room.venue.books.holdings
    [trade] = room.trades().values()
    assert trade.qty == sum((e.qty for e in trade.exits), D(0))


async def test_a_close_that_is_filled_in_part_goes_on_under_the_next_attempt(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.script(PartlyFilled(Qty(D("0.001"))))
        await desk.gets(close(desk))
        await desk.guards()
        await desk.looks_round()
    assert [name.rpartition("-")[2] for name in room.created()] == ["e", "x1", "x2"]
    [trade] = room.trades().values()
    assert len(trade.exits) == 2


async def test_a_size_above_the_market_maximum_leaves_in_pieces(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        listed = desk.desk.instruments[BTC]
        desk.desk.instruments[BTC] = replace(listed, max_market_qty=Qty(D("0.002")))
        await desk.gets(close(desk))
        await desk.looks_round()
    assert BTC not in room.venue.books.holdings
    assert len([name for name in room.created() if "-x" in name]) == 3  # 0.005 in pieces of 0.002


async def test_a_partial_exit_happens_once_however_often_it_is_asked_for(room: Room) -> None:
    """freqtrade#11461: two fills instead of one on an adjustment."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        position = desk.opened().position
        reduce = builders.position_reduce(
            position_id=position.position_id, side=position.side, version=9, qty=Qty(D("0.0024"))
        )
        await desk.gets(reduce, reduce)
        rest = desk.opened().position
        assert rest.qty == position.qty - D("0.002")
        assert [part.qty for part in rest.partial_exits] == [D("0.002")]
        assert rest.stop == room.venue.books.holdings[BTC].stop  # freqtrade#8374: the stop follows the size
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.looks_round()
    [trade] = room.trades().values()
    assert trade.qty == position.qty
    assert room.venue.books.balance == D(room.balance) + trade.pnl_usd


async def test_flatten_closes_everything_and_keeps_entries_shut(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal(), signal(ETH, Side.SHORT, price="4000"))
        assert len(desk.positions()) == 2
        await desk.gets(builders.flatten())
        await desk.guards()
        await desk.looks_round()
        assert not room.venue.books.holdings
        await desk.gets(signal(n=1))
        assert desk.declined() == ["switch"]
        await desk.gets(builders.entries_resume())
        with desk.desk.ledger.read() as pages:
            assert pages.switch().level is Level.HALTED
        await desk.gets(builders.entries_resume(halted=True))
        with desk.desk.ledger.read() as pages:
            assert pages.switch().level is Level.OPEN
    assert {t.close_reason for t in room.trades().values()} == {CloseReason.FLATTEN}


async def test_flatten_survives_the_executor(room: Room) -> None:
    first = await room.executor().starts()
    async with first.listening():
        await first.gets(signal())
        room.venue.script(Answer(10016), Answer(10016))
        with first.desk.write() as pages:
            pages.turn(replace(pages.switch(), level=Level.HALTED, flattening=True, by="me", reason="news"))
    second = await room.executor().starts()
    async with second.listening():
        for _ in range(8):
            await second.guards()
            room.clock.advance(5)
            await second.waits_for(second.executor.reconciler.finish(), seconds=60)
    assert not room.venue.books.holdings


@pytest.mark.parametrize("level", [Level.PAUSED, Level.HALTED, Level.DETACHED])
async def test_the_halt_file_closes_entries_without_any_command(room: Room, level: Level) -> None:
    """hummingbot#2497: a kill switch that works when nothing else does."""
    desk = await room.executor().starts()
    (room.home / HALT_FILE).write_text(halt_text(level, by="cli", reason="fire"))
    await desk.gets(signal())
    assert desk.declined() == ["switch"]
    await desk.gets(builders.entries_resume(halted=True))
    assert not (room.home / HALT_FILE).exists()


async def test_detached_positions_keep_their_stops_and_are_left_alone(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        stop = room.venue.books.holdings[BTC].stop
        await desk.gets(builders.detach())
        await desk.gets(close(desk))
        await desk.guards()
        assert room.venue.books.holdings[BTC].stop == stop
    assert len(room.server.dead) == 1


async def test_an_opposite_signal_closes_only_where_that_is_wanted(room: Room) -> None:
    desk = await room.executor(exit_on_opposite=True).starts()
    async with desk.listening():
        await desk.gets(signal())
        await desk.gets(signal(side=Side.SHORT, n=1))
        await desk.looks_round()
    assert [t.close_reason for t in room.trades().values()] == [CloseReason.SIGNAL]
    assert len([name for name in room.created() if name.endswith("-e")]) == 1


async def test_a_new_entry_waits_until_no_earlier_request_can_arrive(room: Room) -> None:
    """passivbot#980: the same entry twice, because the gate did not wait for our own last order."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.set_price(BTC, "103000")
        await desk.gets(close(desk))
        await desk.looks_round()
        sent = room.clock.now()
        await desk.gets(signal(n=1, price="103000"))
    assert room.clock.now() - sent >= 2_500  # of the 4 s from the exit's request on
    assert len([name for name in room.created() if name.endswith("-e")]) == 2


async def test_without_redis_a_naked_position_is_still_protected(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.strip_stop(BTC)

        def gone(*_: Any, **__: Any) -> Any:
            raise Transient("no Redis")

        monkeypatch.setattr(desk.desk.locks, "hold", gone)
        await desk.guards()
    assert room.venue.books.holdings[BTC].stop is not None
    assert desk.desk.counts["acted_without_lock"] == 1


async def test_a_hand_that_adds_to_our_position_is_followed(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        before = desk.opened().position
        room.venue.by_hand(BTC, Action.BUY, "0.002")
        await desk.settled()
    assert desk.opened().position.qty == before.qty + D("0.002")
    assert desk.opened().position.version == before.version + 1


async def test_closes_that_are_asked_for_meanwhile_join_the_exit_that_is_under_way(room: Room) -> None:
    """Each of them took the symbol over when the first was slow, and none came to its end."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        gate = asyncio.Event()
        room.venue.script(Delayed(gate))
        position_id = desk.opened().position.position_id
        exits = desk.executor.exits
        asked = [asyncio.create_task(exits.close(position_id, CloseReason.FLATTEN, "flatten")) for _ in range(3)]
        await desk.settled()
        room.clock.advance(2)
        await desk.settled()
        room.clock.advance(1.5)
        await desk.settled()
        gate.set()
        done = await desk.waits_for(asyncio.gather(*asked))
    assert done == [True, True, True]
    assert BTC not in room.venue.books.holdings
    assert desk.desk.counts["acted_without_lock"] == 0
