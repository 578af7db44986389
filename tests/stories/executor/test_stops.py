"""A position of ours is never naked, and its stop never gives ground."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from libs.common.contracts.trades import CloseReason
from libs.common.exchange.memory_faults import Answer, LostReply
from libs.common.exchange.trading_types import Action
from libs.common.locks.memory import MemoryLocks
from libs.common.units import Fraction, Price, Side
from services.executor.core.protections import Limits
from tests.support import builders
from tests.support.trading_room import BTC, Room, Running, signal

D = Decimal


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def move(desk: Running, stop: str, **said: Any) -> Any:
    position = desk.opened().position
    named = {"position_id": position.position_id, "side": position.side, "version": position.version}
    return builders.stop_move(**{**named, "stop": Price(D(stop)), **said})


def stop_at_venue(room: Room) -> Price | None:
    return room.venue.books.holdings[BTC].stop


async def test_a_stop_taken_off_by_hand_is_back_at_the_next_look(room: Room) -> None:
    """OctoBot#3190: the stop was gone and nobody noticed."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.strip_stop(BTC)
        await desk.settled()
        assert desk.desk.alarm.is_set()
        await desk.guards()
    assert stop_at_venue(room) == D("98000.0")
    assert desk.desk.counts["stops_repaired"] == 1


async def test_a_stop_loosened_by_hand_is_tightened_again(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.books.set_stop(BTC, Price(D("95000")))
        await desk.guards()
    assert stop_at_venue(room) == D("98000.0")


async def test_a_stop_tightened_by_hand_is_the_new_ground(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.books.set_stop(BTC, Price(D("99000")))
        await desk.guards()
        assert desk.opened().position.stop == D("99000")
        await desk.gets(move(desk, "98500"))
    assert stop_at_venue(room) == D("99000")


async def test_commands_only_tighten_in_any_order_and_any_number(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        wishes = [move(desk, stop) for stop in ("98600.04", "98300", "99000", "98600.04", "97000")]
        await desk.gets(*wishes)
    assert stop_at_venue(room) == D("99000")
    asked = [a for a in room.venue.asked if a.what == "stop"]
    assert len(asked) == 2  # 98600.1, then 99000: the others had nothing to give


async def test_an_older_version_may_still_tighten(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        await desk.gets(move(desk, "98500"))
        await desk.gets(move(desk, "98800", version=1))
        assert stop_at_venue(room) == D("98800")


@pytest.mark.parametrize("wrong", [{"position_id": "ika-BTCUSDT-1-e"}, {"side": Side.SHORT}])
async def test_a_command_for_another_position_goes_to_the_dead(room: Room, wrong: dict[str, Any]) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        await desk.gets(move(desk, "98500", **wrong))
    assert stop_at_venue(room) == D("98000.0")
    assert len(room.server.dead) == 1


async def test_a_late_command_cannot_touch_the_next_position(room: Room) -> None:
    """A stop never carries over to another position of the same symbol."""
    desk = await room.executor(limits=Limits(0, Fraction(D("0.9")))).starts()
    async with desk.listening():
        await desk.gets(signal())
        late = move(desk, "99900")
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.looks_round()
        room.clock.advance(5)
        room.venue.set_price(BTC, "100000")
        await desk.gets(signal(n=1))
        first_stop = stop_at_venue(room)
        await desk.gets(late)
        assert stop_at_venue(room) == first_stop


async def test_a_stop_that_would_trigger_at_once_closes_the_position_now(room: Room) -> None:
    """freqtrade#8429: the trigger on the wrong side was refused for ever and the position had no stop."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.set_price(BTC, "98900")
        await desk.gets(move(desk, "99000"))
        await desk.looks_round()
    assert desk.open() is None
    [trade] = room.trades().values()
    assert trade.close_reason is CloseReason.TRAILING


async def test_a_stop_that_the_venue_refuses_closes_the_position_now(room: Room) -> None:
    """freqtrade#9456: a trailing stop on the wrong side was refused again and again."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.script(Answer(10001, "StopLoss is on the wrong side of the market"))
        await desk.gets(move(desk, "98900"))
        await desk.looks_round()
    assert desk.open() is None
    assert len(room.trades()) == 1


async def test_a_lost_reply_to_a_stop_is_read_off_the_position(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.script(LostReply())
        await desk.gets(move(desk, "98900"))
        assert desk.opened().position.stop == stop_at_venue(room) == D("98900")


async def test_a_position_opened_by_hand_is_adopted_and_protected(room: Room) -> None:
    """freqtrade#9674: "Can it read an existing position?" Yes."""
    desk = await room.executor().starts()
    async with desk.listening():
        room.venue.by_hand(BTC, Action.BUY, "0.02")
        await desk.settled()
        assert BTC in desk.desk.doubts
        await desk.looks_round()
        kept = desk.opened()
        assert kept.position.stop == stop_at_venue(room) == D("98000.0")
        room.venue.by_hand(BTC, Action.SELL, "0.02")
        await desk.settled()
        await desk.looks_round()
    [trade] = room.trades().values()
    assert trade.trade_id == kept.position.position_id
    assert trade.close_reason is CloseReason.EXTERNAL


async def test_a_position_closed_by_hand_becomes_a_trade(room: Room) -> None:
    """freqtrade#2836: a manual close left a phantom that kept placing stops."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.by_hand(BTC, Action.SELL, str(desk.opened().position.qty))
        await desk.settled()
        await desk.looks_round()
        await desk.guards()
    [trade] = room.trades().values()
    assert trade.close_reason is CloseReason.EXTERNAL
    assert BTC not in room.venue.books.holdings


async def test_a_stale_report_adopts_no_ghost(room: Room) -> None:
    """passivbot#980: a snapshot from before our own fill must not be believed."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.freeze_positions(6)
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.looks_round()
        await desk.guards()
        for _ in range(5):
            await desk.looks_round()
    assert len(room.trades()) == 1
    assert desk.open() is None


async def test_a_naked_position_past_its_stop_is_left_within_two_seconds_though_a_dead_executor_has_its_lock(
    room: Room,
) -> None:
    """The lock of whoever died is held for five seconds more: nothing protects the position until then."""
    desk = await room.executor().starts()
    async with desk.listening(), MemoryLocks(room.locks).hold(BTC, wait_ms=0):
        room.venue.by_hand(BTC, Action.BUY, "0.02", stop="98000")
        await desk.settled()
        await desk.looks_round()
        room.venue.strip_stop(BTC)
        room.venue.set_price(BTC, "97000")
        began = room.clock.now()
        await desk.guards()
        assert BTC not in room.venue.books.holdings
        assert room.clock.now() - began <= 2_000
