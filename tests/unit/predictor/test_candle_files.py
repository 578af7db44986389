from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from libs.common.candle_panel import CANDLE
from libs.common.errors import Misconfigured
from libs.common.units import Symbol, Timeframe
from services.predictor.adapters.candle_files import read_bars, symbols_in
from tests.support.candles import walk

BTC, M15 = Symbol("BTCUSDT"), Timeframe.M15


def put(folder: Path, name: str, bars: np.ndarray) -> None:
    pd.DataFrame(bars, columns=pd.Index(CANDLE)).astype({"ts": "int64"}).to_parquet(folder / f"{name}.parquet")


def test_a_series_is_read_as_it_was_written(tmp_path: Path) -> None:
    put(tmp_path, "BTCUSDT-15m", walk(20))
    np.testing.assert_array_equal(read_bars(tmp_path, BTC, M15), walk(20))


def test_repeated_and_unordered_candles_are_put_right(tmp_path: Path) -> None:
    put(tmp_path, "BTCUSDT-15m", np.concatenate([walk(20)[5:], walk(20)[:10]]))
    np.testing.assert_array_equal(read_bars(tmp_path, BTC, M15), walk(20))


def test_symbols_are_those_with_a_file_of_the_timeframe(tmp_path: Path) -> None:
    for name in ("ETHUSDT-15m", "BTCUSDT-15m", "SOLUSDT-1h", "BTCUSDT-funding"):
        put(tmp_path, name, walk(2))
    assert symbols_in(tmp_path, M15) == ["BTCUSDT", "ETHUSDT"]


@pytest.mark.parametrize("content", [b"not parquet", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "BTCUSDT-15m.parquet"
    if content is None:
        pd.DataFrame({"ts": [1]}).to_parquet(path)
    else:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"BTCUSDT-15m\.parquet cannot be read as candles"):
        read_bars(tmp_path, BTC, M15)
