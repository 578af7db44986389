"""A candle is told to everybody when its series takes it: both or neither, in order, once."""

import pytest

from libs.common.bus import Appended, Bus
from libs.common.contracts.market import CandleClosed
from libs.common.units import Timeframe
from tests.contract.bus.conftest import World
from tests.support import builders
from tests.support.waiting import take_and_ack


@pytest.fixture
async def bus(world: World) -> Bus:
    return await world.bus("fetcher", "fetcher")


async def heard(bus: Bus, number: int) -> list[int]:
    deliveries = await take_and_ack(bus, bus.read(["candle"]), number)
    return [d.message.open_at for d in deliveries if isinstance(d.message, CandleClosed)]


async def test_a_candle_that_follows_is_stored_and_told(world: World, bus: Bus) -> None:
    first, second = builders.candle(n=0), builders.candle(n=1)
    assert await bus.announce(first, after=None) is Appended.NEW
    assert await bus.announce(second, after=first.open_at) is Appended.NEW
    assert [c.open_at for c in await bus.series(first.symbol, Timeframe.M15)] == [first.open_at, second.open_at]
    assert await heard(bus, 2) == [first.open_at, second.open_at]


async def test_a_repeat_is_neither_stored_nor_told(world: World, bus: Bus) -> None:
    first, second = builders.candle(n=0), builders.candle(n=1)
    await bus.append_history([first, second])
    rival = await world.bus("fetcher", "fetcher-2")
    assert await rival.announce(second, after=first.open_at) is Appended.THERE
    assert await rival.announce(first, after=None) is Appended.THERE
    assert await world.length("candle") == 0


async def test_a_candle_after_a_lost_series_is_refused_until_the_history_is_back(world: World, bus: Bus) -> None:
    first, second, third = (builders.candle(n=n) for n in range(3))
    await bus.append_history([first])
    await world.flush()
    assert await bus.announce(second, after=first.open_at) is Appended.BROKEN
    assert await bus.series(first.symbol, Timeframe.M15) == []
    await bus.append_history([first, second])
    assert await bus.announce(third, after=second.open_at) is Appended.NEW
    assert await heard(bus, 1) == [third.open_at]


async def test_a_candle_that_skips_one_is_refused(world: World, bus: Bus) -> None:
    await bus.append_history([builders.candle(n=0)])
    assert await bus.announce(builders.candle(n=2), after=builders.candle(n=1).open_at) is Appended.BROKEN
    assert await world.length("candle") == 0
