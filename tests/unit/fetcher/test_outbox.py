"""What was decided leaves in the order of the decisions, and nothing is skipped."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

from libs.common.bus import Appended, Following
from libs.common.bus.memory import MemoryBus
from libs.common.clock import SystemClock
from libs.common.contracts.market import CandleClosed, ClosedBar, PriceMoved
from libs.common.contracts.message import Message
from libs.common.errors import Transient
from libs.common.exchange.market_types import PriceFrame
from libs.common.health import Health
from libs.common.units import Instant, Price, Timeframe
from services.fetcher.adapters.outbox import TOGETHER, WAITING, Outbox, Reached, Verify
from services.fetcher.core import prices
from services.fetcher.core.catch_up import End, Loss, Store, Tell
from tests.support.venue_candles import BTC, as_message, venue_candle

KEY = (BTC, Timeframe.M15)


class Shaky(MemoryBus):
    """A bus whose next publishes fail; `questions` counts the candles of each announcement that was tried."""

    failing = 0

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[int] = []

    async def announce(self, *candles: Following) -> Sequence[Appended]:
        self.questions.append(len(candles))
        if self.failing:
            self.failing -= 1
            raise Transient("scripted")
        return await super().announce(*candles)

    async def publish(self, *messages: Message) -> None:
        if self.failing:
            self.failing -= 1
            raise Transient("scripted")
        await super().publish(*messages)


class World:
    def __init__(self) -> None:
        self.bus, self.health = Shaky(), Health("fetcher")
        self.archived: list[ClosedBar] = []
        self.lost: list[Loss] = []
        self.outbox = Outbox(
            self.bus,
            archive=self,
            health=self.health,
            clock=SystemClock(),
            lost=self.lost.append,
        )

    def note(self, *candles: ClosedBar) -> None:
        self.archived += candles

    async def lets_out(self, until: Callable[[], Awaitable[None]]) -> None:
        running = asyncio.create_task(self.outbox.run())
        async with asyncio.timeout(10):
            await until()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def price(last: int) -> PriceMoved:
    one = Price(Decimal(last))
    return prices.as_message(PriceFrame(BTC, one, one, Instant(last)))


def candle(n: int) -> CandleClosed:
    return as_message(venue_candle(n))


async def test_prices_and_candles_leave_in_the_order_in_which_they_were_put() -> None:
    world = World()
    world.outbox.put(price(1), price(2), Tell(candle(0), None), price(3), Reached(Instant(9)))
    await world.lets_out(world.outbox.flushed)
    assert [m.id for m in world.bus.published] == [price(1).id, price(2).id, candle(0).id, price(3).id]
    assert world.health.market_ms == 9


async def test_what_redis_did_not_take_is_tried_again_before_anything_else() -> None:
    world = World()
    world.bus.failing = 2
    world.outbox.put(price(1), Tell(candle(0), None))
    await world.lets_out(world.outbox.flushed)
    assert [m.id for m in world.bus.published] == [price(1).id, candle(0).id]


async def test_candles_that_close_in_one_moment_leave_in_one_question() -> None:
    world = World()
    hourly = as_message(venue_candle(0, timeframe=Timeframe.H1))
    world.outbox.put(Tell(candle(0), None), Tell(hourly, None), Tell(candle(1), candle(0).open_at), price(1))
    await world.lets_out(world.outbox.flushed)
    assert world.bus.questions == [3]
    assert [m.id for m in world.bus.published] == [candle(0).id, hourly.id, candle(1).id, price(1).id]
    assert world.archived == [candle(0), hourly, candle(1)]


async def test_no_question_keeps_redis_from_everybody_else_for_long() -> None:
    world = World()
    tells = [Tell(candle(n), candle(n - 1).open_at if n else None) for n in range(TOGETHER + 1)]
    world.outbox.put(*tells)
    await world.lets_out(world.outbox.flushed)
    assert world.bus.questions == [TOGETHER, 1]
    assert [m.id for m in world.bus.published] == [candle(n).id for n in range(TOGETHER + 1)]


async def test_candles_that_redis_did_not_take_are_told_once_and_in_order() -> None:
    world = World()
    world.bus.failing = 1
    world.outbox.put(Tell(candle(0), None), Tell(candle(1), candle(0).open_at))
    await world.lets_out(world.outbox.flushed)
    assert world.bus.questions == [2, 2]
    assert [m.id for m in world.bus.published] == [candle(0).id, candle(1).id]


async def test_a_series_that_is_gone_holds_up_none_that_closes_in_the_same_moment() -> None:
    world = World()
    hourly = as_message(venue_candle(0, timeframe=Timeframe.H1))
    world.outbox.put(Tell(candle(5), candle(4).open_at, taken=2), Tell(hourly, None))
    await world.lets_out(world.outbox.flushed)
    assert world.lost == [Loss(KEY, None, candle(4).open_at, 2)]
    assert world.archived == [hourly]


async def test_stored_and_told_candles_are_archived_and_repeats_too() -> None:
    world = World()
    world.outbox.put(Store((candle(0), candle(1)), None), Tell(candle(2), candle(1).open_at), Tell(candle(2), None))
    await world.lets_out(world.outbox.flushed)
    assert world.archived == [candle(0), candle(1), candle(2), candle(2)]
    assert [m.id for m in world.bus.published] == [candle(2).id]


async def test_a_series_that_is_gone_is_told_and_its_candle_is_not_archived() -> None:
    world = World()
    tell = Tell(candle(5), candle(4).open_at)
    world.outbox.put(tell)
    await world.lets_out(world.outbox.flushed)
    assert world.lost == [Loss(KEY, None, candle(4).open_at, tell.taken)]
    assert world.archived == []


async def test_history_that_redis_cannot_follow_is_lost_as_it_was_decided() -> None:
    world = World()
    world.outbox.put(Store((candle(0),), None), Store((candle(2),), candle(1).open_at, taken=3))
    await world.lets_out(world.outbox.flushed)
    assert world.lost == [Loss(KEY, candle(0).open_at, None, taken=3)]
    assert world.archived == [candle(0)]


async def test_a_series_that_ends_too_early_is_noticed_and_one_that_is_beyond_is_not() -> None:
    world = World()
    hourly = (BTC, Timeframe.H1)
    world.outbox.put(
        Store((candle(0), candle(1)), None),
        Verify([End(KEY, candle(0).open_at, 1), End(KEY, candle(2).open_at, 1), End(hourly, candle(0).open_at, 4)]),
    )
    await world.lets_out(world.outbox.flushed)
    assert world.lost == [
        Loss(KEY, candle(1).open_at, candle(2).open_at, 1),
        Loss(hourly, None, candle(0).open_at, 4),
    ]


async def test_a_page_of_history_fills_the_outbox_as_its_candles_do() -> None:
    world = World()
    page = tuple(candle(n) for n in range(WAITING // 5))
    for _ in range(5):
        world.outbox.put(Store(page, None))
    waiting = asyncio.create_task(world.outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await world.lets_out(lambda: asyncio.shield(waiting))


async def test_a_full_outbox_has_no_room_until_it_is_emptied() -> None:
    world = World()
    await world.outbox.room()
    world.outbox.put(*(price(n) for n in range(1, WAITING + 1)))
    waiting = asyncio.create_task(world.outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()

    async def has_room() -> None:
        await waiting

    await world.lets_out(has_room)
