"""What stands between a signal and a second order, gate by gate, each with every other gate open."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from libs.common.contracts.trades import CloseReason
from libs.common.exchange.memory_faults import LostRequest
from libs.common.exchange.trading_types import Action, OrderRequest, Outcome, Stamp, Wallet
from libs.common.units import MINUTE_MS, Fraction, Instant
from services.executor.core.order import OrderState
from services.executor.core.protections import Limits
from tests.support import builders
from tests.support.trading_room import BTC, SLOT, Room, Running, signal

D = Decimal


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


class Spied:
    """The venue, with something that happens just before it is asked."""

    def __init__(self, room: Room, desk: Running) -> None:
        self._venue, self._desk = room.venue, desk
        self.known: list[OrderState | None] = []
        self.overtake = False

    async def create_order(self, request: OrderRequest, stamp: Stamp) -> Outcome:
        with self._desk.desk.ledger.read() as pages:
            intent = pages.intent(request.link_id)
        self.known.append(None if intent is None else intent.state)
        return await self._venue.create_order(request, stamp)

    async def wallet(self) -> Wallet:
        if self.overtake:
            with self._desk.desk.ledger.write() as pages:
                pages.take_fence(BTC)
        return await self._venue.wallet()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)


async def test_every_order_is_in_the_ledger_before_its_request_leaves(room: Room) -> None:
    """Vibe-Trading PR#1213: own the write before you write."""
    desk = await room.executor().starts()
    desk.desk.trading = spied = Spied(room, desk)
    async with desk.listening():
        await desk.gets(signal())
        await desk.executor.exits.close(desk.opened().position.position_id, CloseReason.MANUAL, "by hand")
    assert spied.known == [OrderState.SUBMITTING] * 2


async def test_who_was_overtaken_after_it_had_the_lock_is_not_admitted(room: Room) -> None:
    desk = await room.executor().starts()
    desk.desk.trading = spied = Spied(room, desk)
    spied.overtake = True
    await desk.gets(signal())
    assert spied.known == []
    assert desk.declined() == ["overtaken"]


async def test_a_position_that_only_the_venue_knows_takes_its_symbol(room: Room) -> None:
    desk = await room.executor().starts()
    room.venue.by_hand(BTC, Action.BUY, "0.01", stop="97000")
    await desk.gets(signal())
    assert desk.declined() == ["taken"]
    assert room.created() == []


async def test_an_exit_that_may_still_arrive_keeps_a_flat_symbol_shut(room: Room) -> None:
    """Vibe-Trading PR#1221: nothing new while an earlier write is unresolved. Flat is not free."""
    desk = await room.executor(limits=Limits(0, Fraction(D("0.9")))).starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.script(LostRequest())
        desk.executor.exits.want(desk.opened().position.position_id, CloseReason.MANUAL, "by hand")
        leaving = asyncio.create_task(desk.executor.leave())
        await desk.settled()
        leaving.cancel()  # it died while it was finding out
        with desk.desk.ledger.read() as pages:
            [live] = pages.live_intents(BTC)
        assert not live.is_entry
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        assert desk.open() is None
        await desk.gets(signal(n=1, price="97000"))
    assert desk.declined() == ["busy"]
    assert len([name for name in room.created() if name.endswith("-e")]) == 1


async def test_what_a_lost_frame_would_have_told_is_in_the_trade(room: Room) -> None:
    """The stop's own frame came, the funding's before it did not: flat is asked about before it becomes a trade."""
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.lose_frames(1)
        room.venue.settle_funding(BTC, "0.0001")
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.waits_for(desk.executor.books.settle_all())
        await desk.tells()
    [trade] = room.trades().values()
    assert trade.funding > 0
    assert room.venue.books.balance == D(room.balance) + trade.pnl_usd


async def test_a_start_that_knows_only_the_end_of_the_quarter_takes_no_fresh_price_for_an_old_one(room: Room) -> None:
    """A signal that comes again after a crash is as good as before: the venue's candle dates the market ahead."""
    desk = await room.executor().starts()
    desk.desk.market.observe(Instant(SLOT + 15 * MINUTE_MS))
    desk.executor.watch.heard(builders.price(BTC, "100000", at=SLOT))
    async with desk.listening():
        await desk.gets(signal())
    assert not desk.declined()
    assert desk.opened()


async def test_a_cooldown_is_not_shortened_by_a_start(room: Room) -> None:
    desk = await room.executor().starts()
    async with desk.listening():
        await desk.gets(signal())
        room.venue.set_price(BTC, "97000")
        await desk.settled()
        await desk.looks_round()
    assert room.trades()
    again = await room.executor().starts()
    again.desk.market.observe(Instant(SLOT + 45 * MINUTE_MS))  # the market is a minute into the quarter
    async with again.listening():
        await again.gets(signal(n=2, valid_until=Instant(SLOT + 60 * MINUTE_MS), at=Instant(SLOT + 29 * MINUTE_MS)))
    assert again.declined() == ["cooldown"]


async def test_a_signal_that_waited_while_redis_was_away_is_as_old_as_the_market_says(room: Room) -> None:
    """Signals came back before prices did: by the last price that was heard, it would be fresh."""
    desk = await room.executor().starts()
    room.venue.pass_market(3_600_000)
    await desk.gets(signal())
    assert desk.declined() == ["expired"]
    assert not room.created()


async def test_a_price_that_comes_late_takes_no_newer_ones_place(room: Room) -> None:
    desk = await room.executor().starts()
    for last, at in (("101000", SLOT + 2_000), ("99000", SLOT + 1_000)):
        desk.executor.watch.heard(builders.price(BTC, last, at=Instant(at)))
    assert str(desk.desk.prices[BTC].last) == "101000"
