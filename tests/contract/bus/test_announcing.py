"""A candle is told to everybody when its series takes it: both or neither, in order, once."""

import pytest

from libs.common.bus import Appended, Bus, Following
from libs.common.contracts.market import CandleClosed
from libs.common.units import Instant, Timeframe
from tests.contract.bus.conftest import World
from tests.support import builders
from tests.support.waiting import take_and_ack


@pytest.fixture
async def bus(world: World) -> Bus:
    return await world.bus("fetcher", "fetcher")


async def announced(bus: Bus, candle: CandleClosed, *, after: Instant | None) -> Appended:
    [became] = await bus.announce(Following(candle, after))
    return became


async def heard(bus: Bus, number: int) -> list[int]:
    deliveries = await take_and_ack(bus, bus.read(["candle"]), number)
    return [d.message.open_at for d in deliveries if isinstance(d.message, CandleClosed)]


async def test_a_candle_that_follows_is_stored_and_told(world: World, bus: Bus) -> None:
    first, second = builders.candle(n=0), builders.candle(n=1)
    assert await announced(bus, first, after=None) is Appended.NEW
    assert await announced(bus, second, after=first.open_at) is Appended.NEW
    assert [c.open_at for c in await bus.series(first.symbol, Timeframe.M15)] == [first.open_at, second.open_at]
    assert await heard(bus, 2) == [first.open_at, second.open_at]


async def test_a_repeat_is_neither_stored_nor_told(world: World, bus: Bus) -> None:
    first, second = builders.candle(n=0), builders.candle(n=1)
    await bus.append_history([first, second])
    rival = await world.bus("fetcher", "fetcher-2")
    assert await announced(rival, second, after=first.open_at) is Appended.THERE
    assert await announced(rival, first, after=None) is Appended.THERE
    assert await world.length("candle") == 0


async def test_a_candle_after_a_lost_series_is_refused_until_the_history_is_back(world: World, bus: Bus) -> None:
    first, second, third = (builders.candle(n=n) for n in range(3))
    await bus.append_history([first])
    await world.flush()
    assert await announced(bus, second, after=first.open_at) is Appended.BROKEN
    assert await bus.series(first.symbol, Timeframe.M15) == []
    await bus.append_history([first, second])
    assert await announced(bus, third, after=second.open_at) is Appended.NEW
    assert await heard(bus, 1) == [third.open_at]


async def test_a_candle_that_skips_one_is_refused(world: World, bus: Bus) -> None:
    await bus.append_history([builders.candle(n=0)])
    assert await announced(bus, builders.candle(n=2), after=builders.candle(n=1).open_at) is Appended.BROKEN
    assert await world.length("candle") == 0


async def test_candles_that_close_in_one_moment_are_told_in_the_order_given(world: World, bus: Bus) -> None:
    quarters = [builders.candle(n=n) for n in range(3)]
    hourly = builders.candle(n=0, timeframe=Timeframe.H1)
    told = [Following(quarters[0], None), Following(hourly, None), Following(quarters[1], quarters[0].open_at)]
    assert await bus.announce(*told) == [Appended.NEW] * 3
    assert await heard(bus, 3) == [quarters[0].open_at, hourly.open_at, quarters[1].open_at]


async def test_a_candle_that_cannot_follow_holds_up_no_other_series_and_none_behind_it_is_told(
    world: World, bus: Bus
) -> None:
    first, second, third, fourth = (builders.candle(n=n) for n in range(4))
    hourly = builders.candle(n=0, timeframe=Timeframe.H1)
    became = await bus.announce(
        Following(first, None),
        Following(third, second.open_at),
        Following(fourth, third.open_at),
        Following(hourly, None),
        Following(first, None),
    )
    assert became == [Appended.NEW, Appended.BROKEN, Appended.BROKEN, Appended.NEW, Appended.THERE]
    assert await heard(bus, 2) == [first.open_at, hourly.open_at]


async def test_nothing_to_announce_is_no_question(bus: Bus) -> None:
    assert await bus.announce() == []
