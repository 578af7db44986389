import asyncio
from pathlib import Path

import pandas as pd

from libs.common.contracts.market import CandleClosed
from services.fetcher.adapters.candle_files import CandleFiles
from services.fetcher.core.candles import as_message
from tests.support.venue_candles import BTC, MORNING, venue_candle


def candle(n: int) -> CandleClosed:
    return as_message(venue_candle(n))


def rows(folder: Path) -> list[int]:
    frame = pd.read_parquet(folder / f"{BTC}-15m.parquet")
    return [(int(ts) - MORNING) // 900_000 for ts in frame["ts"]]


async def test_candles_are_merged_into_their_file_sorted_and_each_once(tmp_path: Path) -> None:
    files = CandleFiles(tmp_path)
    for n in (1, 0):
        files.note(candle(n))
    assert await files.flush() == 1
    for n in (2, 1):
        files.note(candle(n))
    await files.flush()
    assert rows(tmp_path) == [0, 1, 2]


async def test_a_file_has_the_layout_that_training_reads(tmp_path: Path) -> None:
    files = CandleFiles(tmp_path)
    files.note(candle(0))
    await files.flush()
    frame = pd.read_parquet(tmp_path / "BTCUSDT-15m.parquet")
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "ts": "int64",
        "open": "float64",
        "high": "float64",
        "low": "float64",
        "close": "float64",
        "volume": "float64",
    }
    assert frame.iloc[0].to_dict() == {
        "ts": MORNING,
        "open": 1000,
        "high": 1002,
        "low": 999,
        "close": 1001,
        "volume": 10,
    }


async def test_nothing_to_write_writes_nothing(tmp_path: Path) -> None:
    files = CandleFiles(tmp_path / "live")
    assert await files.flush() == 0
    assert not (tmp_path / "live").exists()


async def test_two_fetchers_that_write_one_series_lose_nothing(tmp_path: Path) -> None:
    first, second = CandleFiles(tmp_path), CandleFiles(tmp_path)
    for n in range(40):
        (first if n % 2 else second).note(candle(n))
    await asyncio.gather(first.flush(), second.flush())
    assert rows(tmp_path) == list(range(40))


async def test_a_file_says_how_far_it_goes(tmp_path: Path) -> None:
    files, key = CandleFiles(tmp_path), (BTC, candle(5).timeframe)
    assert await files.newest(key) is None
    for n in (5, 4):
        files.note(candle(n))
    await files.flush()
    assert await files.newest(key) == candle(5).open_at
    (tmp_path / f"{BTC}-15m.parquet").write_bytes(b"PAR1 but no more")
    assert await files.newest(key) is None
