"""Series: one stream of candles a symbol and timeframe, strictly in order."""

import asyncio
from dataclasses import replace

from libs.common.units import Symbol, Timeframe
from tests.contract.bus.conftest import QUICK, World
from tests.support.builders import BTC, candle
from tests.support.venue_candles import as_message, venue_candle
from tests.support.waiting import eventually


async def test_a_series_comes_back_oldest_first(world: World) -> None:
    bus = await world.bus("fetcher", "fetcher")
    candles = [candle(n=n) for n in range(5)]
    assert [await bus.append_series(each) for each in candles] == [True] * 5
    assert await bus.series(BTC, Timeframe.M15) == candles


async def test_a_repeated_or_late_candle_is_refused_by_the_series_itself(world: World) -> None:
    bus = await world.bus("fetcher", "fetcher")
    assert await bus.append_series(candle(n=3))
    assert not await bus.append_series(candle(n=3))
    assert not await bus.append_series(candle(n=2))
    assert await bus.append_series(candle(n=4))
    assert [each.open_at for each in await bus.series(BTC, Timeframe.M15)] == [candle(n=n).open_at for n in (3, 4)]


async def test_history_is_appended_at_once_and_says_how_much_was_new(world: World) -> None:
    bus = await world.bus("fetcher", "fetcher")
    await bus.append_series(candle(n=0))
    assert await bus.append_history([candle(n=n) for n in range(4)]) == 3


async def test_history_after_a_lost_series_is_refused_as_a_whole(world: World) -> None:
    bus = await world.bus("fetcher", "fetcher")
    first, *rest = (candle(n=n) for n in range(4))
    assert await bus.append_history(rest, after=first.open_at) is None
    assert await bus.series(BTC, Timeframe.M15) == []
    assert await bus.append_history([first, rest[0]]) == 2
    assert await bus.append_history(rest, after=first.open_at) == 2
    assert await bus.series(BTC, Timeframe.M15) == [first, *rest]


async def test_of_two_that_fill_one_series_neither_leaves_a_hole(world: World) -> None:
    bus, rival = await world.bus("fetcher", "fetcher"), await world.bus("fetcher", "fetcher-2")
    begun_earlier, begun_later = [candle(n=n) for n in range(300)], [candle(n=n) for n in range(5, 305)]
    await asyncio.gather(bus.append_history(begun_earlier), rival.append_history(begun_later))
    opens = [each.open_at for each in await bus.series(BTC, Timeframe.M15)]
    assert opens == list(range(opens[0], candle(n=304).open_at + 1, Timeframe.M15.ms))


async def test_the_end_of_every_series_is_known_at_once(world: World) -> None:
    bus = await world.bus("fetcher", "fetcher")
    await bus.append_history([candle(n=n) for n in range(3)])
    assert list(await bus.series_ends([])) == []
    assert list(await bus.series_ends([(BTC, Timeframe.M15), (BTC, Timeframe.H1)])) == [candle(n=2).open_at, None]


async def test_a_range_is_asked_for_by_time_and_by_number(world: World) -> None:
    bus = await world.bus("fetcher", "fetcher")
    await bus.append_history([candle(n=n) for n in range(6)])
    since = await bus.series(BTC, Timeframe.M15, since=candle(n=4).open_at)
    newest = await bus.series(BTC, Timeframe.M15, newest=3)
    both = await bus.series(BTC, Timeframe.M15, since=candle(n=2).open_at, newest=2)
    assert [since[0], len(since)] == [candle(n=4), 2]
    assert newest == [candle(n=n) for n in (3, 4, 5)]
    assert both == [candle(n=n) for n in (4, 5)]


async def test_series_are_kept_apart(world: World) -> None:
    bus = await world.bus("fetcher", "fetcher")
    await bus.append_series(candle())
    assert await bus.series(Symbol("ETHUSDT"), Timeframe.M15) == []
    assert await bus.series(BTC, Timeframe.H1) == []


async def test_a_series_keeps_its_newest_candles(world: World) -> None:
    bus = await world.bus("fetcher", "fetcher", limits=replace(QUICK, series_length=50))
    await bus.append_history([candle(n=n) for n in range(400)])
    kept = await bus.series(BTC, Timeframe.M15)
    assert 50 <= len(kept) < 400
    assert kept[-1] == candle(n=399)


async def test_candles_of_a_venue_are_stored_as_the_messages_they_would_be(world: World) -> None:
    bus = await world.bus("fetcher", "fetcher")
    await bus.append_history([venue_candle(n) for n in range(3)])
    assert await bus.series(BTC, Timeframe.M15) == [as_message(venue_candle(n)) for n in range(3)]


async def test_a_series_that_nobody_keeps_is_forgotten_and_one_that_is_kept_again_is_not(world: World) -> None:
    bus = await world.bus("fetcher", "fetcher")
    other = Symbol("ETHUSDT")
    for symbol in (BTC, other):
        await bus.append_series(candle(n=0, symbol=symbol))
    keys = [(BTC, Timeframe.M15), (other, Timeframe.M15), (other, Timeframe.H1)]  # the last one is not stored
    await bus.keep_series(keys, for_s=1)
    assert await bus.append_series(candle(n=1))
    await bus.keep_series(keys[1:], for_s=None)

    async def is_forgotten() -> bool:
        return await bus.series(BTC, Timeframe.M15) == []

    await eventually(is_forgotten)
    assert await bus.series_ends(keys) == [None, candle(n=0).open_at, None]
    assert await bus.append_series(candle(n=0))
