"""One symbol for which nobody answers is nobody else's trouble, least of all of a symbol with a position."""

import asyncio
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Final

from libs.common.units import Symbol
from services.fetcher.adapters.gateway import ASKING
from tests.support.market_hall import market_hall
from tests.support.venue_candles import BTC

CROWD: Final = tuple(Symbol(f"FLAT{n}USDT") for n in range(2 * ASKING))


async def test_flat_symbols_that_nobody_answers_for_never_delay_a_held_one(tmp_path: Path) -> None:
    """freqtrade#11725, freqtrade#7588: candles that hung kept every other pair stale for days."""
    async with market_hall(tmp_path, symbols=(BTC, *CROWD)) as hall:
        replica = await hall.starts()
        await hall.loaded()
        hall.holds(BTC)
        await hall.until(lambda: replica.fetcher.busy.symbols == {BTC})
        hall.venue.silence(*CROWD)
        hall.closes(0, symbols=CROWD, heard=False)
        hall.closes(1, symbols=CROWD)
        asked = hall.venue.reads
        await hall.until(lambda: hall.venue.reads == asked + ASKING)  # every question that there is room for hangs

        hall.closes(0, symbols=(BTC,), heard=False)
        hall.closes(1, symbols=(BTC,))
        hall.venue.set_price(BTC, "1234")

        await hall.until(lambda: hall.told() == [0, 1], within_s=1)
        assert hall.prices()[-1] == Decimal(1234)
        assert all(hall.told(symbol) == [] for symbol in CROWD)
        hall.venue.heard_again(*CROWD)
        await hall.until(lambda: all(hall.told(symbol) == [0, 1] for symbol in CROWD))


async def test_a_symbol_that_is_entered_while_nobody_answers_is_repaired_before_the_others(tmp_path: Path) -> None:
    """Its question was waiting for room among the others' when the position was opened."""
    late = CROWD[-1]
    async with market_hall(tmp_path, symbols=CROWD) as hall:
        await hall.starts()
        await hall.loaded()
        hall.venue.silence(*CROWD[:-1])
        hall.closes(0, heard=False)
        hall.closes(1)
        asked = hall.venue.reads
        await hall.until(lambda: hall.venue.reads == asked + ASKING)
        assert hall.told(late) == []
        hall.holds(late)
        await hall.until(lambda: hall.told(late) == [0, 1], within_s=2)
        hall.venue.heard_again(*CROWD[:-1])


async def test_a_stale_flat_symbol_is_told_with_its_age_and_keeps_the_fetcher_ready(tmp_path: Path) -> None:
    flat = CROWD[0]
    async with market_hall(tmp_path, symbols=(BTC, *CROWD[:3])) as hall:
        replica = await hall.starts()
        await hall.loaded()
        hall.holds(BTC)
        hall.venue.silence(flat)
        hall.closes(0, symbols=(flat,), heard=False)
        hall.closes(0, symbols=(BTC, *CROWD[1:3]))
        await hall.until(lambda: bool(replica.health.notes))
        assert replica.health.ready
        assert replica.health.notes["stale candles"].startswith(f"{flat} 15m is 30 s late, its newest candle closed 20")
        hall.venue.heard_again(flat)
        await hall.until(lambda: hall.told(flat) == [0] and not replica.health.notes)


async def test_a_stale_held_symbol_makes_the_fetcher_unready_until_its_candle_is_there(tmp_path: Path) -> None:
    async with market_hall(tmp_path, symbols=(BTC, *CROWD[:3])) as hall:
        replica = await hall.starts()
        await hall.loaded()
        hall.holds(BTC)
        hall.venue.silence(BTC)
        hall.closes(0, symbols=(BTC,), heard=False)
        hall.closes(0, symbols=CROWD[:3])
        await hall.until(lambda: "stale candles" in replica.health.waiting_for)
        assert replica.health.waiting_for["stale candles"].startswith("BTCUSDT 15m is 30 s late")
        hall.venue.heard_again(BTC)
        await hall.until(lambda: replica.health.ready)
        assert hall.told() == [0]


async def test_after_a_restart_a_held_symbol_has_its_prices_and_candles_while_the_others_history_hangs(
    tmp_path: Path,
) -> None:
    """Nothing of the others is in Redis or in the files: the venue is asked about all of them, and does not answer."""
    async with market_hall(tmp_path, symbols=(*CROWD, BTC)) as hall:
        await hall.starts()
        await hall.loaded()
        await hall.dies("fetcher")
        for symbol in CROWD:
            del hall.redis.series[f"candles:{symbol}:15m"]
        await asyncio.to_thread(shutil.rmtree, hall.home / "candles")
        hall.closes(0)
        hall.venue.set_price(BTC, "1234")
        hall.venue.silence(*CROWD)
        hall.holds(BTC)
        await hall.starts()
        await hall.until(lambda: hall.told() == [0] and hall.prices()[-1] == Decimal(1234), within_s=10)
        assert all(hall.series(symbol) == [] for symbol in CROWD)
        hall.venue.heard_again(*CROWD)
        await hall.loaded()
