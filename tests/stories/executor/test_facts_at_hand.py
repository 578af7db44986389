"""An entry waits for no report that is at hand, and goes by none that may be out of date."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from libs.common.contracts.trades import CloseReason
from libs.common.exchange.trading_types import Action, PositionFrame, VenuePosition, Wallet
from services.executor.core.order import OrderState
from services.executor.shell.entries import FRESH_MS
from tests.support import builders
from tests.support.trading_room import BTC, ETH, Room, Running, signal
from tests.unit.executor.test_intent import INTENT


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


class Counted:
    """The venue, counting how often it is asked for a report."""

    def __init__(self, room: Room) -> None:
        self._venue = room.venue
        self.asked: Counter[str] = Counter()

    async def wallet(self) -> Wallet:
        self.asked["wallet"] += 1
        return await self._venue.wallet()

    async def positions(self) -> Sequence[VenuePosition]:
        self.asked["positions"] += 1
        return await self._venue.positions()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)


async def informed(room: Room, **said: Any) -> tuple[Running, Counted]:
    """An executor that has just heard what the venue has."""
    desk = await room.executor(**said).starts()
    room.clock.advance(0.01)
    await desk.guards()
    await desk.waits_for(desk.executor.know())
    desk.desk.trading = counted = Counted(room)
    return desk, counted


async def test_an_entry_asks_for_nothing_that_was_reported_a_moment_ago(room: Room) -> None:
    desk, venue = await informed(room)
    async with desk.listening():
        await desk.gets(signal())
    assert desk.open() is not None
    assert not venue.asked


async def test_an_old_report_is_asked_for_again(room: Room) -> None:
    desk, venue = await informed(room)
    room.clock.advance(FRESH_MS / 1_000)
    async with desk.listening():
        await desk.gets(signal())
    assert venue.asked == {"positions": 1, "wallet": 1}


async def test_after_an_exit_the_report_is_asked_for_again(room: Room) -> None:
    desk, venue = await informed(room)
    async with desk.listening():
        await desk.gets(signal())
        room.clock.advance(1)
        await desk.waits_for(
            desk.executor.exits.close(desk.opened().position.position_id, CloseReason.MANUAL, "by hand")
        )
        venue.asked.clear()
        await desk.gets(signal(ETH, price="4000"))
    assert desk.open(ETH) is not None
    assert venue.asked["wallet"] == 1


async def test_in_lockstep_every_entry_asks(room: Room) -> None:
    desk, venue = await informed(room, workers=1)
    async with desk.listening():
        await desk.gets(signal())
    assert venue.asked == {"positions": 1, "wallet": 1}


async def test_margin_taken_since_the_report_is_not_given_twice(room: Room) -> None:
    """Several entries on one report share what it says is free, and the slots."""
    desk, _ = await informed(room)
    async with desk.listening():
        await desk.gets(signal(), signal(ETH, price="4000"))
    wallet = await room.venue.wallet()
    assert len(desk.positions()) == 2
    assert wallet.available >= 0


async def test_a_position_whose_fill_is_on_its_way_is_not_doubted(room: Room) -> None:
    """Frames of different topics may overtake each other."""
    desk = await room.executor().starts()
    room.venue.by_hand(BTC, Action.BUY, "0.01")
    [venue] = await room.venue.positions()
    frame = PositionFrame(BTC, venue, desk.desk.market.now())
    with desk.desk.ledger.write() as pages:
        pages.add_intent(replace(INTENT, symbol=BTC, state=OrderState.ACCEPTED))
    desk.executor.watch.take(frame)
    assert not desk.desk.doubts
    with desk.desk.ledger.write() as pages:
        pages.keep_intent(replace(INTENT, symbol=BTC, state=OrderState.REFUSED))
    desk.executor.watch.take(frame)
    assert desk.desk.doubts == {BTC}


async def test_leverage_is_set_before_the_first_signal(room: Room) -> None:
    desk = await room.executor().starts()
    room.venue.asked.clear()
    desk.executor.watch.heard(builders.price())
    await desk.waits_for(desk.executor.entries.prepare())
    await desk.waits_for(desk.executor.entries.prepare())
    assert [(one.what, one.symbol) for one in room.venue.asked] == [("leverage", BTC)]


async def test_the_stages_of_an_entry_are_told_in_the_metrics(room: Room) -> None:
    desk, _ = await informed(room)
    async with desk.listening():
        await desk.gets(signal())
    told = desk.desk.health.metrics.text().decode()
    for stage in (
        "wait",
        "gate",
        "lock",
        "leverage",
        "facts",
        "admission",
        "answer",
        "record",
        "fill",
        "unlock",
        "ack",
    ):
        assert f'ironkeel_executor_entry_stage_seconds_count{{stage="{stage}"}} 1.0' in told
