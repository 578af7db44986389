"""The scripted venue misbehaves exactly as told."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

import pytest

from libs.common.clock import VirtualClock
from libs.common.errors import Transient
from libs.common.exchange.memory import MemoryVenue, instrument
from libs.common.exchange.memory_faults import (
    Answer,
    AnsweredAmiss,
    Delayed,
    LeftWorking,
    LostReply,
    LostRequest,
    PartlyFilled,
)
from libs.common.exchange.trading_types import (
    Accepted,
    Action,
    Ambiguous,
    Exists,
    OrderRequest,
    OrderStatus,
    RefusedForNow,
    Stamp,
    StreamDown,
    StreamUp,
)
from libs.common.ids import OrderLinkId
from libs.common.units import Instant, Price, Qty, Side, Symbol

BTC = Symbol("BTCUSDT")


@dataclass
class World:
    clock: VirtualClock
    venue: MemoryVenue

    def stamp(self) -> Stamp:
        return Stamp(self.clock.now(), 3_000)


@pytest.fixture
def world() -> World:
    clock = VirtualClock(Instant(1_000_000))
    venue = MemoryVenue(clock, [instrument("BTCUSDT")], market=Instant(5_000))
    venue.set_price(BTC, "100")
    return World(clock, venue)


def buy(link: str = "ika-BTCUSDT-1-e", qty: str = "1", stop: str | None = "98") -> OrderRequest:
    return OrderRequest(
        BTC, Action.BUY, Qty(Decimal(qty)), OrderLinkId(link), False, Price(Decimal(stop)) if stop else None
    )


async def test_a_lost_request_leaves_no_trace(world: World) -> None:
    world.venue.script(LostRequest())
    assert isinstance(await world.venue.create_order(buy(), world.stamp()), Ambiguous)
    assert await world.venue.positions() == []


async def test_an_order_that_is_left_working_is_filled_with_its_stop_when_told(world: World) -> None:
    world.venue.script(LeftWorking())
    assert isinstance(await world.venue.create_order(buy(), world.stamp()), Accepted)
    [order] = await world.venue.open_orders()
    assert (order.status, await world.venue.positions()) == (OrderStatus.NEW, [])
    world.venue.fills("ika-BTCUSDT-1-e")
    [position] = await world.venue.positions()
    assert (position.qty, position.stop) == (Decimal(1), Decimal(98))


async def test_a_request_that_is_answered_amiss_was_obeyed(world: World) -> None:
    world.venue.script(AnsweredAmiss(10006))
    assert isinstance(await world.venue.create_order(buy(), world.stamp()), RefusedForNow)
    assert len(await world.venue.positions()) == 1


async def test_a_lost_reply_leaves_an_order_that_exists(world: World) -> None:
    world.venue.script(LostReply())
    assert isinstance(await world.venue.create_order(buy(), world.stamp()), Ambiguous)
    assert isinstance(await world.venue.create_order(buy(), world.stamp()), Exists)
    assert [asked.what for asked in world.venue.asked] == ["create", "create"]
    assert len(world.venue.books.executions) == 1


async def test_a_scripted_answer_does_nothing(world: World) -> None:
    world.venue.script(Answer(10006))
    assert isinstance(await world.venue.create_order(buy(), world.stamp()), RefusedForNow)
    assert isinstance(await world.venue.create_order(buy(), world.stamp()), Accepted)


async def test_a_request_delayed_past_its_window_is_refused(world: World) -> None:
    gate = asyncio.Event()
    world.venue.script(Delayed(gate))
    asking = asyncio.create_task(world.venue.create_order(buy(), world.stamp()))
    world.clock.advance(3.001)
    gate.set()
    outcome = await asking
    assert isinstance(outcome, RefusedForNow)
    assert outcome.code == 10002


async def test_a_partly_filled_order_ends_cancelled_with_its_fill(world: World) -> None:
    world.venue.script(PartlyFilled(Qty(Decimal("0.4"))))
    await world.venue.create_order(buy(), world.stamp())
    order = await world.venue.find_order(BTC, OrderLinkId("ika-BTCUSDT-1-e"))
    assert order is not None
    assert (order.status, order.filled) == (OrderStatus.CANCELLED, Decimal("0.4"))


async def test_frozen_positions_are_stale_for_as_many_reads(world: World) -> None:
    world.venue.freeze_positions(1)
    await world.venue.create_order(buy(), world.stamp())
    assert list(await world.venue.positions()) == []
    assert len(await world.venue.positions()) == 1


async def test_a_failing_read_says_to_try_again(world: World) -> None:
    world.venue.fail_reads(1)
    with pytest.raises(Transient):
        await world.venue.wallet()
    assert (await world.venue.wallet()).balance == 500


async def test_a_hand_at_the_venue_opens_without_an_id_of_ours(world: World) -> None:
    world.venue.by_hand(BTC, Action.SELL, "1")
    [position] = await world.venue.positions()
    assert (position.side, position.stop) == (Side.SHORT, None)


async def test_a_stripped_stop_leaves_the_position_naked(world: World) -> None:
    await world.venue.create_order(buy(), world.stamp())
    world.venue.strip_stop(BTC)
    [position] = await world.venue.positions()
    assert position.stop is None
    assert await world.venue.open_orders() == []


async def test_frames_pushed_while_the_stream_is_down_are_lost(world: World) -> None:
    stream = world.venue.private()
    assert await anext(stream) == StreamUp()
    world.venue.drop_private("cable")
    await world.venue.create_order(buy(), world.stamp())
    world.venue.restore_private()
    assert await anext(stream) == StreamDown("cable")
    assert await anext(stream) == StreamUp()
