"""Restarts after which other systems had forgotten, doubled, closed or abandoned something."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.contracts.positions import PositionOpened
from libs.common.contracts.trades import CloseReason
from libs.common.exchange.memory_faults import LeftWorking
from libs.common.exchange.trading_types import Action
from libs.common.units import MINUTE_MS, Instant, Price
from services.executor.core.commit_points import ENTRY_RECORDED
from services.executor.core.order import OrderState
from tests.support import builders
from tests.support.trading_room import BTC, ETH, Dies, Room, Running, dies_at, signal

LOST = {"nothing": (), "redis": ("redis",), "ledger": ("ledger",), "everything": ("redis", "ledger")}


async def starts_again(room: Room, lost: str) -> Running:
    """The next process, on what is left: warm with Redis and ledger kept, cold without."""
    if "redis" in LOST[lost]:
        room.server.flush()
    if "ledger" in LOST[lost]:
        room.home = room.home / "another disk"
    return await room.executor().starts()


async def test_a_killed_executors_position_has_its_stop_and_its_exit_from_the_next_one(
    room: Room, desk: Running
) -> None:
    """hummingbot-api#243, OctoBot#3190: after a restart positions were left without stop, target or timer."""
    async with desk.listening():
        await desk.gets(signal(), signal(ETH, price="4000"))
    desk.executor.exits.want(desk.opened(ETH).position.position_id, CloseReason.SIGNAL, "its time is over")
    room.venue.strip_stop(BTC)
    second = await room.executor().starts()
    assert room.venue.books.holdings[BTC].stop == second.opened().position.stop is not None
    async with second.listening():
        await second.guards()
        await second.looks_round()
    assert list(room.venue.books.holdings) == [BTC]
    assert [trade.close_reason for trade in room.trades().values()] == [CloseReason.SIGNAL]


@pytest.mark.parametrize("lost", LOST)
async def test_nothing_is_entered_as_if_flat_after_a_restart(room: Room, desk: Running, lost: str) -> None:
    """hummingbot#3324: the position was not recognised, and the next order doubled it."""
    async with desk.listening():
        await desk.gets(signal())
    second = await starts_again(room, lost)
    async with second.listening():
        await second.gets(signal(n=1))
    assert second.declined() == ["taken"]
    assert len(room.created()) == 1
    assert second.opened().position.qty == room.venue.books.holdings[BTC].qty


@pytest.mark.parametrize("stale", [False, True])
@pytest.mark.parametrize("lost", LOST)
async def test_the_venue_overrules_what_was_kept_and_nothing_is_made_up(
    room: Room, desk: Running, lost: str, stale: bool
) -> None:
    """nautilus#4736: a warm restart booked an opposite fill of its own making, and took the position for flat."""
    async with desk.listening():
        await desk.gets(signal())
    if stale:  # the first reports of the venue are from before the position
        room.venue.freeze_positions(3, empty=True)
    else:
        room.venue.by_hand(BTC, Action.SELL, "0.002")
    second = await starts_again(room, lost)
    assert second.opened().position.qty == room.venue.books.holdings[BTC].qty
    with second.desk.ledger.read() as pages:
        assert len(pages.to_fold(BTC)) == len(room.venue.books.executions)
    async with second.listening():
        room.venue.set_price(BTC, "97000")
        await second.settled()
        await second.looks_round()
    [trade] = room.trades().values()
    assert room.venue.books.balance - trade.pnl_usd == 1_000


@pytest.mark.parametrize("lost", ["nothing", "redis"])
@pytest.mark.parametrize("filled_meanwhile", [False, True])
async def test_a_working_order_outlives_a_kill_whatever_the_fills_of_others_say(
    room: Room, desk: Running, lost: str, filled_meanwhile: bool
) -> None:
    """nautilus#5000: after a SIGKILL at Bybit fourteen working orders were gone from its state."""
    async with desk.listening():
        await desk.gets(signal(ETH, price="4000"))
        room.venue.script(LeftWorking())
        desk.desk.reached = dies_at(ENTRY_RECORDED)
        with pytest.raises(Dies):
            await desk.gets(signal())
    room.venue.by_hand(ETH, Action.SELL, "0.01")
    [link_id] = room.created()
    if filled_meanwhile:
        room.venue.fills(link_id)
    second = await starts_again(room, lost)
    with second.desk.ledger.read() as pages:
        intent = pages.intent(link_id)
    assert intent is not None
    if filled_meanwhile:
        assert intent.state is OrderState.FILLED
        assert second.opened().position.stop == room.venue.books.holdings[BTC].stop is not None
    else:  # nobody waits for an entry any more: it is cancelled at the venue, and known to be
        assert intent.state is OrderState.CANCELLED
        assert [order.symbol for order in room.venue.books.working()] == [ETH]  # the other position's stop


async def test_what_has_to_be_made_up_has_the_same_name_at_every_start(room: Room, tmp_path: Path) -> None:
    """nautilus#3176, nautilus#3046: ids of chance, and each restart added the same order and fill once more."""
    room.venue.by_hand(BTC, Action.BUY, "0.01", stop="97000")
    room.venue.books.executions.clear()  # so old that the venue does not tell them any more
    room.venue.pass_market(60 * MINUTE_MS)
    seen = []
    for n in range(4):
        if n == 2:
            room.home = tmp_path / "another disk"
        running = await room.executor().starts()
        with running.desk.ledger.read() as pages:
            booked = sorted(row.execution.exec_id for row in pages.to_fold(BTC))
        seen.append((running.opened().position, booked))
    assert len({position.position_id for position, _ in seen}) == 1
    assert {tuple(booked) for _, booked in seen} == {(f"opening-{seen[0][0].position_id}",)}
    assert {position.qty for position, _ in seen} == {room.venue.books.holdings[BTC].qty}
    assert len({message.id for message in room.told(PositionOpened)}) == 1


async def test_a_start_closes_nothing(room: Room, desk: Running) -> None:
    """jesse#371: a start with default settings closed everything on the account."""
    async with desk.listening():
        await desk.gets(signal())
    room.venue.by_hand(ETH, Action.SELL, "0.1", stop="4100")
    asked = len(room.venue.asked)
    second = await room.executor().starts()
    async with second.listening():
        await second.guards()
        await second.looks_round()
    assert list(room.venue.books.holdings) == [BTC, ETH]
    assert room.venue.asked[asked:] == []


@pytest.mark.parametrize("skew_ms", [-7, 7])
async def test_a_position_dated_after_its_own_fill_is_still_led(
    room: Room, desk: Running, skew_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """passivbot#1323, passivbot PR#1325: updatedTime is some ms past execTime; the trail waited for them to agree."""
    answers = room.venue.books._position

    def dated(*args: object) -> object:
        position = answers(*args)  # type: ignore[arg-type]
        return replace(position, updated_at=Instant(position.updated_at + skew_ms))

    monkeypatch.setattr(room.venue.books, "_position", dated)
    async with desk.listening():
        await desk.gets(signal())
    second = await room.executor().starts()
    position = second.opened().position
    named = {"position_id": position.position_id, "side": position.side, "version": position.version}
    async with second.listening():
        room.venue.set_price(BTC, "103000")
        await second.gets(builders.stop_move(stop=Price(Decimal(102000)), **named))
        assert room.venue.books.holdings[BTC].stop == 102000
        room.venue.set_price(BTC, "101900")
        await second.settled()
        await second.looks_round()
    assert [trade.close_reason for trade in room.trades().values()] == [CloseReason.TRAILING]
