from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds
import pytest

from libs.common.candle_days import Key, Row, days_of, ends, grow, read_series
from libs.common.candle_panel import merge, panel_file, rows_of, times_of, writing
from libs.common.units import DAY_MS, Symbol, Timeframe

FIRST = 1_757_894_400_000  # 2025-09-15T00:00:00Z
M15 = Timeframe.M15
BTC: Key = (Symbol("BTCUSDT"), M15)
ETH: Key = (Symbol("ETHUSDT"), M15)
DAY = DAY_MS // M15.ms
MOST = 10_000


def told(*numbers: int, close: float = 1.0) -> Sequence[Row]:
    return [(FIRST + n * M15.ms, 1.0, 2.0, 0.5, close, 7.0, "7.5") for n in numbers]


def write(folder: Path, *numbers: int, keys: Sequence[Key] = (BTC,), close: float = 1.0) -> None:
    assert grow(folder, {key: told(*numbers, close=close) for key in keys}, most=MOST)


def seen(folder: Path, key: Key = BTC) -> list[int]:
    table = read_series(folder, key)
    return [] if table is None else [(at - FIRST) // M15.ms for at in times_of(table)]


def filed(folder: Path, key: Key = BTC) -> list[int]:
    return [(int(at) - FIRST) // M15.ms for at in pd.read_parquet(panel_file(folder, *key))["ts"]]


def test_the_first_candles_of_a_series_make_its_file(tmp_path: Path) -> None:
    write(tmp_path, 1, 0, 2)
    assert filed(tmp_path) == [0, 1, 2]
    assert not days_of(tmp_path)


def test_later_candles_of_the_day_wait_in_one_file_for_all_series(tmp_path: Path) -> None:
    write(tmp_path, 0, keys=(BTC, ETH))
    written = panel_file(tmp_path, *BTC).stat().st_mtime_ns
    write(tmp_path, 1, keys=(BTC, ETH))
    write(tmp_path, 2)
    [day] = days_of(tmp_path)
    assert day.name == "2025-09-15.parquet"
    assert panel_file(tmp_path, *BTC).stat().st_mtime_ns == written
    assert (seen(tmp_path), seen(tmp_path, ETH)) == ([0, 1, 2], [0, 1])


def test_a_day_that_is_over_is_merged_into_its_series_and_taken_away(tmp_path: Path) -> None:
    write(tmp_path, 0, keys=(BTC, ETH))
    write(tmp_path, *range(1, DAY), keys=(BTC, ETH))
    write(tmp_path, DAY)
    assert not days_of(tmp_path)
    assert (filed(tmp_path), filed(tmp_path, ETH)) == (list(range(DAY + 1)), list(range(DAY)))
    write(tmp_path, DAY + 1)
    assert [day.stem for day in days_of(tmp_path)] == ["2025-09-16"]
    assert seen(tmp_path) == list(range(DAY + 2))


def test_candles_of_many_days_go_to_their_series_at_once(tmp_path: Path) -> None:
    write(tmp_path, 0)
    write(tmp_path, *range(1, 3 * DAY))
    assert filed(tmp_path) == list(range(3 * DAY))
    assert not days_of(tmp_path)


def test_a_candle_of_a_day_that_was_merged_is_not_lost(tmp_path: Path) -> None:
    """A fetcher that handed its symbol over writes what it still had."""
    write(tmp_path, 0)
    write(tmp_path, 1)
    write(tmp_path, DAY, DAY + 1)
    write(tmp_path, 2)
    assert seen(tmp_path) == [0, 1, 2, DAY, DAY + 1]


def test_a_candle_that_is_told_again_is_there_once_and_the_new_one_counts(tmp_path: Path) -> None:
    write(tmp_path, 0)
    write(tmp_path, 1)
    write(tmp_path, 0, 1, 1, close=1.5)
    table = read_series(tmp_path, BTC)
    assert table is not None
    assert table["close"].to_pylist() == [1.5, 1.5]


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for numbers in (range(10), range(DAY, DAY + 2), [2 * DAY]):
        assert grow(tmp_path, {BTC: told(*numbers)}, most=4)
    assert filed(tmp_path) == [9, DAY, DAY + 1, 2 * DAY]


def test_the_end_is_where_no_day_is_missing(tmp_path: Path) -> None:
    write(tmp_path, 0)
    write(tmp_path, 1, 2)
    write(tmp_path, 4)
    assert ends(tmp_path, [BTC, ETH]) == [FIRST + 2 * M15.ms, None]


@pytest.mark.parametrize("torn", ["day", "series"])
def test_a_torn_file_is_put_aside_and_its_series_ends_where_it_is_whole(tmp_path: Path, torn: str) -> None:
    write(tmp_path, 0)
    write(tmp_path, 1)
    [day] = days_of(tmp_path)
    path = day if torn == "day" else panel_file(tmp_path, *BTC)
    path.write_bytes(path.read_bytes()[:-20])
    assert not grow(tmp_path, {BTC: told(DAY)}, most=MOST)
    assert path.with_suffix(".unreadable").exists()
    assert ends(tmp_path, [BTC]) == [FIRST if torn == "day" else None]
    write(tmp_path, 0, 1, DAY)
    assert seen(tmp_path) == [0, 1, DAY]


def test_candles_that_came_from_elsewhere_are_joined_with_the_fetchers(tmp_path: Path) -> None:
    """`ironkeel data download --panel live` knows no turnover."""
    write(tmp_path, 2, 3)
    columns = ("ts", "open", "high", "low", "close", "volume")
    with writing(tmp_path):
        merge(panel_file(tmp_path, *BTC), rows_of(columns, [row[:6] for row in told(0, 1)]))
    table = read_series(tmp_path, BTC)
    assert table is not None
    assert table["turnover"].to_pylist() == [None, None, "7.5", "7.5"]
    assert seen(tmp_path) == [0, 1, 2, 3]


def test_any_reader_of_parquet_reads_a_panel_by_its_names(tmp_path: Path) -> None:
    """pandas one file, and an engine that takes a glob (Arrow's dataset, as DuckDB and polars do) all of them."""
    write(tmp_path, *range(DAY), keys=(BTC, ETH))
    write(tmp_path, DAY, keys=(BTC, ETH))
    frame = pd.read_parquet(panel_file(tmp_path, *BTC), columns=["ts", "close"])
    assert [str(kind) for kind in frame.dtypes] == ["int64", "float64"]
    series = ds.dataset(sorted(map(str, tmp_path.glob("*-15m.parquet"))), format="parquet")
    assert series.count_rows() == 2 * DAY
    day = ds.dataset([str(path) for path in days_of(tmp_path)], format="parquet")
    rows = day.to_table(filter=(ds.field("symbol") == "ETHUSDT") & (ds.field("timeframe") == "15m"))
    assert rows["ts"].to_pylist() == [FIRST + DAY_MS]


def test_a_long_series_is_read_from_where_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.common.candle_panel.GROUP", 10)
    write(tmp_path, *range(95))
    table = read_series(tmp_path, BTC, since=FIRST + 85 * M15.ms)
    assert table is not None
    assert [(at - FIRST) // M15.ms for at in times_of(table)] == list(range(80, 95))


def test_an_empty_panel_has_nothing(tmp_path: Path) -> None:
    assert read_series(tmp_path, BTC) is None
    assert ends(tmp_path, [BTC]) == [None]
    assert grow(tmp_path, {}, most=MOST)
