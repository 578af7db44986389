"""Every closed candle is told once, in order: through losses, holes, hand-overs, and a Redis that forgets."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from libs.common.contracts.registry import encode
from libs.common.locks.memory import MemoryLeases
from libs.common.units import Instant, Symbol
from services.fetcher.adapters.candle_files import CandleFiles
from services.fetcher.adapters.gateway import TOGETHER
from tests.support import builders
from tests.support.fetchers import M15
from tests.support.market_hall import ETH, MarketHall, market_hall
from tests.support.venue_candles import BTC, MORNING, closes_at, venue_candle

HISTORY = list(range(-10, 0))


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[MarketHall]:
    async with market_hall(tmp_path) as made:
        yield made


async def test_a_first_start_stores_the_history_and_announces_none_of_it(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    assert hall.series() == hall.series(ETH) == HISTORY
    assert hall.told() == []


async def test_readers_are_told_when_everything_is_loaded_and_again_later(hall: MarketHall) -> None:
    await hall.starts()
    await hall.until(lambda: len(hall.said_loaded()) >= 2)
    assert set(hall.said_loaded()) == {(BTC, ETH)}


async def test_training_finds_the_history_in_a_file_as_soon_as_it_is_loaded(hall: MarketHall) -> None:
    await hall.starts()
    await hall.until(lambda: bool(hall.said_loaded()))
    file = hall.home / "candles" / "live" / "BTCUSDT-15m.parquet"
    await hall.until(file.exists, within_s=1)
    assert [(int(ts) - MORNING) // M15.ms for ts in pd.read_parquet(file)["ts"]] == HISTORY


async def test_what_the_dead_did_not_file_is_filed_by_the_next(hall: MarketHall) -> None:
    await hall.starts()
    await hall.until(lambda: bool(hall.said_loaded()))
    hall.closes(0)
    await hall.until(lambda: hall.told() == [0])
    await hall.dies("fetcher")
    said = len(hall.said_loaded())
    await hall.starts()
    await hall.until(lambda: len(hall.said_loaded()) > said and hall.filed() == [*HISTORY, 0], within_s=5)


async def test_a_restart_with_all_in_redis_asks_the_venue_for_no_candle(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    hall.closes(0)
    await hall.until(lambda: hall.told() == hall.told(ETH) == [0])
    await hall.dies("fetcher")
    asked = hall.venue.candle_reads
    await hall.starts()
    await hall.loaded()
    assert hall.venue.candle_reads == asked
    assert hall.series() == [*HISTORY, 0]
    await hall.until(lambda: hall.filed() == [*HISTORY, 0], within_s=5)


async def test_a_redis_that_lost_everything_has_its_series_from_the_files_and_only_the_tail_from_the_venue(
    hall: MarketHall,
) -> None:
    await hall.starts()
    await hall.loaded()
    before = list(hall.redis.series["candles:BTCUSDT:15m"])
    await hall.stops("fetcher")
    hall.redis.flush()
    hall.closes(0)
    hall.closes(1)
    asked = hall.venue.candle_reads
    await hall.starts()
    await hall.loaded()
    assert hall.series() == [*range(-8, 0), 0, 1]
    assert hall.redis.series["candles:BTCUSDT:15m"][:8] == before[2:]
    assert hall.venue.candle_reads - asked == 2  # one question a series
    assert hall.told() == []  # it is history to readers that have forgotten everything, too


async def test_a_redis_that_is_flushed_under_a_fetcher_has_its_series_from_the_files(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    asked = hall.venue.candle_reads
    hall.redis.flush()
    await hall.until(lambda: hall.series() == hall.series(ETH) == HISTORY, within_s=10)
    assert hall.venue.candle_reads == asked


async def test_a_file_that_was_torn_while_nobody_looked_is_filed_again_from_redis(hall: MarketHall) -> None:
    await hall.starts()
    torn = hall.home / "candles" / "live" / "BTCUSDT-15m.parquet"
    await hall.until(torn.exists)
    await hall.dies("fetcher")
    torn.write_bytes(torn.read_bytes()[:-20])
    asked = hall.venue.candle_reads
    await hall.starts()
    await hall.until(lambda: torn.with_suffix(".unreadable").exists() and torn.exists(), within_s=20)
    assert hall.filed() == HISTORY
    assert hall.venue.candle_reads == asked


async def test_a_fetcher_that_is_told_to_stop_files_what_it_told(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    hall.closes(0)
    await hall.until(lambda: hall.told() == [0])
    await hall.stops("fetcher")
    assert hall.filed() == [*HISTORY, 0]


async def test_a_fetcher_is_not_ready_while_history_is_missing_and_says_how_far_it_is(hall: MarketHall) -> None:
    replica = await hall.starts()
    asked = hall.venue.reads
    hall.venue.fail_reads(10)
    await hall.until(lambda: "history" in replica.health.waiting_for and hall.venue.reads > asked + 2)
    assert not replica.health.ready
    assert replica.health.waiting_for["history"].startswith("0 %")
    await hall.loaded()
    assert hall.series() == HISTORY


async def test_a_fetcher_is_ready_only_when_redis_has_the_history(hall: MarketHall) -> None:
    replica = await hall.starts()
    await hall.until(lambda: replica.health.ready)
    assert hall.series() == hall.series(ETH) == HISTORY


async def test_a_disk_that_hangs_keeps_nobody_from_the_market(
    hall: MarketHall, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = 0

    async def hangs(_files: CandleFiles, _portion: object) -> bool:
        nonlocal writes
        writes += 1
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(CandleFiles, "_write", hangs)
    replica = await hall.starts()
    await hall.until(lambda: replica.health.ready and writes == 1)
    assert hall.said_loaded() == [(BTC, ETH)]
    hall.closes(0)
    await hall.until(lambda: hall.told() == hall.told(ETH) == [0], within_s=0.2)


async def test_a_candle_that_closes_is_told_at_once(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    hall.closes(0)
    await hall.until(lambda: hall.told() == [0] and hall.told(ETH) == [0], within_s=0.2)
    assert hall.series() == [*HISTORY, 0]


async def test_a_lost_frame_is_noticed_when_the_next_one_comes_and_filled_in_order(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    hall.closes(0, heard=False)
    hall.closes(1)
    await hall.until(lambda: hall.told() == [0, 1])


async def test_a_lost_frame_is_noticed_by_the_clock_when_nothing_else_comes(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    hall.closes(0, symbols=(BTC,), heard=False)
    hall.closes(0, symbols=(ETH,))
    await hall.until(lambda: hall.told() == [0], within_s=5)


async def test_a_hole_in_one_series_does_not_hold_another(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    hall.venue.fail_reads(1_000)
    hall.closes(0, symbols=(ETH,))
    hall.closes(1)
    await hall.until(lambda: hall.told(ETH) == [0, 1], within_s=1)
    assert hall.told() == []
    hall.venue.fail_reads(0)
    hall.venue.put_candles(venue_candle(0))
    await hall.until(lambda: hall.told() == [0, 1])


async def test_a_candle_that_the_venue_does_not_have_is_said_to_be_missing_and_passed_over(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    hall.closes(1)
    await hall.until(lambda: hall.told() == [1])
    assert (BTC, 0) in hall.missing()
    assert hall.series() == [*HISTORY, 1]


async def test_an_impossible_candle_is_kept_from_everybody_and_asked_for_again(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    hall.venue.books.now = closes_at(0)
    hall.venue.close_candle(venue_candle(0, low=Decimal(99_999)))
    hall.venue.put_candles(venue_candle(0), venue_candle(0, symbol=ETH))
    await hall.until(lambda: hall.told() == [0])
    [stored] = [c for c in hall.redis.series["candles:BTCUSDT:15m"] if c.open_at == MORNING]
    assert stored.low < stored.high


async def test_what_closed_while_the_feed_was_down_is_told_when_it_is_back(hall: MarketHall) -> None:
    replica = await hall.starts()
    await hall.loaded()
    hall.venue.drop_feed("cable")
    await hall.until(lambda: "market feed" in replica.health.waiting_for)
    for n in range(3):
        hall.closes(n)
    hall.venue.restore_feed()
    await hall.until(lambda: hall.told() == [0, 1, 2])
    assert replica.health.ready


async def test_what_closed_while_nobody_fetched_is_told_by_the_next_start(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    hall.closes(0)
    await hall.until(lambda: hall.told() == [0])
    await hall.dies("fetcher")
    for n in range(1, 4):
        hall.closes(n)
    await hall.starts()
    await hall.until(lambda: hall.told() == [0, 1, 2, 3] and hall.told(ETH) == [0, 1, 2, 3])


async def test_two_fetchers_share_the_symbols_and_nothing_is_told_twice(hall: MarketHall) -> None:
    first, second = await hall.starts("fetcher"), await hall.starts("fetcher-2")
    await hall.until(lambda: len(first.fetcher.share) == 1 and len(second.fetcher.share) == 1)
    await hall.loaded()
    for n in range(3):
        hall.closes(n)
        await hall.until(lambda n=n: hall.told()[-1:] == [n] and hall.told(ETH)[-1:] == [n])  # type: ignore[misc]
    assert hall.told() == hall.told(ETH) == [0, 1, 2]


async def test_the_symbols_of_a_killed_fetcher_are_taken_over_without_a_gap_or_a_repeat(hall: MarketHall) -> None:
    first, second = await hall.starts("fetcher"), await hall.starts("fetcher-2")
    await hall.until(lambda: len(first.fetcher.share) == 1 and len(second.fetcher.share) == 1)
    await hall.loaded()
    hall.closes(0)
    await hall.until(lambda: hall.told() == hall.told(ETH) == [0])
    await hall.dies("fetcher")
    hall.closes(1)
    await hall.until(lambda: hall.told() == hall.told(ETH) == [0, 1], within_s=10)
    assert second.fetcher.share == {BTC, ETH}


async def test_a_fetcher_that_was_stopped_says_nothing_of_symbols_that_another_has_by_now(tmp_path: Path) -> None:
    async with market_hall(tmp_path, price_interval_ms=0) as hall:
        replica = await hall.starts("fetcher")
        await hall.loaded()
        heir = MemoryLeases(hall.locks, service="fetcher", instance="fetcher-2")
        hall.clock.advance(6)  # nobody in this process has run for longer than a lease
        assert await heir.claim((BTC, ETH)) == {BTC, ETH}
        hall.venue.set_price(BTC, "5")
        hall.venue.close_candle(venue_candle(0))
        await hall.until(lambda: not replica.fetcher.share)
        assert Decimal(5) not in hall.prices()
        assert hall.told() == []


async def test_what_was_taken_up_before_redis_failed_is_heard_all_the_same(tmp_path: Path) -> None:
    symbols = tuple(Symbol(f"S{n:02}USDT") for n in range(TOGETHER + 2))
    async with market_hall(tmp_path, symbols=symbols) as hall:
        replica = await hall.starts()
        replica.bus.fails_after = TOGETHER + 1  # the first ones are taken up, the others are not
        await hall.until(lambda: replica.fetcher.share == frozenset(symbols[:TOGETHER]), within_s=1)
        await hall.until(lambda: hall.venue.listeners(symbols[0]) == 1, within_s=1)
        await hall.until(lambda: replica.fetcher.share == frozenset(symbols))
        await hall.loaded()
        assert [hall.venue.listeners(symbol) for symbol in symbols] == [1] * len(symbols)


async def test_a_flushed_redis_has_its_history_back_and_the_new_candle_is_announced(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    hall.closes(0)
    await hall.until(lambda: hall.told() == hall.told(ETH) == [0])
    hall.redis.flush()
    hall.closes(1)
    await hall.until(lambda: hall.told() == hall.told(ETH) == [1])
    assert hall.series() == list(range(-8, 2))


async def test_a_flushed_redis_has_its_history_back_before_any_candle_closes(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    hall.closes(0)
    await hall.until(lambda: hall.told() == hall.told(ETH) == [0])
    hall.redis.flush()
    await hall.until(lambda: hall.series() == hall.series(ETH) == list(range(-9, 1)), within_s=10)
    assert hall.told() == []
    hall.closes(1)
    await hall.until(lambda: hall.told() == hall.told(ETH) == [1])


async def test_a_redis_that_lost_its_last_moment_hears_it_again(hall: MarketHall) -> None:
    await hall.starts()
    await hall.until(lambda: bool(hall.said_loaded()))
    kept = len(hall.redis.streams["candle"])
    hall.closes(0)
    await hall.until(lambda: hall.told() == hall.told(ETH) == [0])
    del hall.redis.streams["candle"][kept:]
    for stored in hall.redis.series.values():
        stored.pop()
    await hall.until(lambda: hall.told() == hall.told(ETH) == [0], within_s=10)
    assert hall.series() == [*HISTORY, 0]


async def test_a_moved_price_is_told_and_an_unmoved_one_is_not(hall: MarketHall) -> None:
    await hall.starts()
    await hall.until(lambda: hall.prices() == [Decimal(1000)])
    await hall.loaded()
    hall.venue.set_price(BTC, "1001")
    await hall.until(lambda: hall.prices() == [Decimal(1000), Decimal(1001)])
    assert hall.prices(ETH) == [Decimal(1000)]


async def test_a_price_is_told_at_most_once_in_its_interval_and_the_last_one_always(hall: MarketHall) -> None:
    await hall.starts()
    await hall.loaded()
    already = len(hall.prices())
    for price in range(2_000, 2_050):
        hall.venue.set_price(BTC, str(price))
    await hall.until(lambda: hall.prices()[-1] == 2_049)
    assert len(hall.prices()) - already <= 2


async def test_in_lockstep_every_price_is_told_and_the_step_is_reached_after_it(tmp_path: Path) -> None:
    async with market_hall(tmp_path, price_interval_ms=0) as hall:
        replica = await hall.starts()
        await hall.loaded()
        already = len(hall.prices())
        for n in range(5):
            hall.venue.set_price(BTC, str(3_000 + n), at=Instant(MORNING + n + 1))
            hall.venue.push_price(ETH)
        await hall.until(lambda: replica.health.market_ms == MORNING + 5, within_s=0.5)
        assert len(hall.prices()) - already == 5


async def test_in_lockstep_a_step_is_not_reached_while_a_candle_is_missing(tmp_path: Path) -> None:
    async with market_hall(tmp_path, price_interval_ms=0) as hall:
        replica = await hall.starts()
        await hall.loaded()
        await hall.until(lambda: replica.health.market_ms == MORNING)
        hall.venue.fail_reads(10_000)
        hall.closes(1)
        await hall.until(lambda: hall.venue.reads > 5, within_s=20)
        assert replica.health.market_ms < closes_at(1)
        hall.venue.fail_reads(0)
        hall.venue.put_candles(venue_candle(0), venue_candle(0, symbol=ETH))
        await hall.until(lambda: replica.health.market_ms == closes_at(1))
        assert hall.told() == [0, 1]


async def test_a_fetcher_that_comes_back_while_the_market_waits_has_reached_it(tmp_path: Path) -> None:
    async with market_hall(tmp_path, price_interval_ms=0) as hall:
        await hall.starts()
        await hall.loaded()
        await hall.dies("fetcher")
        replica = await hall.starts()
        await hall.until(lambda: replica.fetcher.share == {BTC, ETH}, priced=False)
        hall.venue.push_price(BTC)  # as a venue tells a new subscriber how it stands, once
        hall.venue.push_price(ETH)
        await hall.until(lambda: replica.health.market_ms == MORNING, within_s=5, priced=False)


async def test_a_symbol_with_a_position_is_wanted_first(hall: MarketHall) -> None:
    replica = await hall.starts()
    await hall.loaded()
    assert replica.fetcher.wanted == (BTC, ETH)
    opened = builders.position_opened(position=builders.open_position(symbol=ETH))
    hall.redis.add("position", *encode(opened))
    await hall.until(lambda: replica.fetcher.wanted == (ETH, BTC))
    hall.redis.add("position", *encode(builders.position_closed(symbol=ETH)))
    await hall.until(lambda: replica.fetcher.wanted == (BTC, ETH))
