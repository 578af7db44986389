from pathlib import Path

import pandas as pd
import pyarrow as pa

from libs.common.candle_panel import CANDLE, merge, panel_file, rows_of

START = 1_757_894_400_000
STEP = 900_000


def candles(*numbers: int, close: float = 1.0) -> pa.Table:
    return rows_of(CANDLE, [(START + n * STEP, 1.0, 2.0, 0.5, close, 7.0) for n in numbers])


def rows(path: Path) -> list[int]:
    return [(int(at) - START) // STEP for at in pd.read_parquet(path)["ts"]]


def test_rows_are_sorted_each_once_and_what_was_new_is_counted(tmp_path: Path) -> None:
    path = panel_file(tmp_path, "BTCUSDT", "15m")
    assert merge(path, candles(4, 2)) == 2
    assert merge(path, candles(2, 3, close=1.5)) == 1
    assert rows(path) == [2, 3, 4]
    assert list(pd.read_parquet(path)["close"]) == [1.5, 1.5, 1.0]


def test_a_half_written_file_of_the_dead_is_not_taken_for_the_file(tmp_path: Path) -> None:
    path = panel_file(tmp_path, "BTCUSDT", "15m")
    path.with_suffix(".tmp").write_bytes(b"half")
    merge(path, candles(0))
    assert rows(path) == [0]


def test_an_unreadable_file_is_put_aside_and_written_anew(tmp_path: Path) -> None:
    path = panel_file(tmp_path, "BTCUSDT", "15m")
    path.write_bytes(b"PAR1 but no more")
    merge(path, candles(3))
    assert rows(path) == [3]
    assert path.with_suffix(".unreadable").read_bytes() == b"PAR1 but no more"
