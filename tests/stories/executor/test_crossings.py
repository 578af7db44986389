"""What crosses on the wire, or comes from a hand that slept: facts count, and an answer ends only its own request."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from libs.common.exchange.memory_faults import LostRequest
from libs.common.exchange.trading_types import Outcome, RefusedForGood
from services.executor.core.order import OrderState
from tests.stories.executor.test_two_executors import delivery
from tests.support.trading_room import BTC, Room, signal

D = Decimal


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


class HeardLate:
    """A venue whose answer to a create is a refusal that is heard when the gate opens: the process was asleep."""

    def __init__(self, room: Room, gate: asyncio.Event) -> None:
        self._room, self._gate = room, gate

    async def create_order(self, *_: Any) -> Outcome:
        await self._gate.wait()
        return RefusedForGood(110007, "ab not enough for new order")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._room.venue, name)


async def test_an_old_refusal_frees_no_slot_while_another_hands_request_is_unheard(room: Room) -> None:
    one, two = await room.executor("one").starts(), await room.executor("two").starts()
    one.executor.entries._levered.add(BTC)
    gate = asyncio.Event()
    one.desk.trading = HeardLate(room, gate)
    asleep = asyncio.create_task(one.executor.handle(delivery(signal())))
    await one.settled()
    room.clock.advance(30)
    room.venue.script(LostRequest())
    while not room.venue.asked:  # two looks, finds nothing, and sends under the same name
        await two.waits_for(two.executor.reconciler.finish(), seconds=60)
        room.clock.advance(11)
    gate.set()
    await two.waits_for(asyncio.shield(asleep), seconds=90)
    with one.desk.ledger.read() as pages:
        [live] = pages.live_intents(BTC)
    assert live.state in {OrderState.UNKNOWN, OrderState.PLANNED}


async def test_an_old_refusal_does_not_end_what_another_hand_sent_since(room: Room) -> None:
    one, two = await room.executor("one").starts(), await room.executor("two").starts()
    one.executor.entries._levered.add(BTC)
    gate = asyncio.Event()
    one.desk.trading = HeardLate(room, gate)
    async with two.listening():
        asleep = asyncio.create_task(one.executor.handle(delivery(signal())))
        await one.settled()
        room.clock.advance(30)
        for _ in range(4):
            await two.waits_for(two.executor.reconciler.finish(), seconds=60)
            room.clock.advance(11)
        assert two.opened().position.position_id == room.created()[0]
        gate.set()
        await two.waits_for(asyncio.shield(asleep), seconds=90)
    with one.desk.ledger.read() as pages:
        intent = pages.intent(room.created()[0])
    assert intent is not None
    assert intent.state is OrderState.FILLED
    assert two.opened().position.qty == room.venue.books.holdings[BTC].qty
