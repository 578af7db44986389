"""Candles in Parquet, `<folder>/<SYMBOL>-<tf>.parquet`: what a full training reads."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from libs.common.candle_days import read_series
from libs.common.candle_panel import CANDLE, UNREADABLE, panel_file
from libs.common.errors import Misconfigured
from libs.common.units import Symbol, Timeframe
from services.predictor.core.features import FloatArray


def symbols_in(folder: Path, timeframe: Timeframe) -> Sequence[Symbol]:
    """Symbols that have a file of this timeframe, sorted."""
    return sorted(Symbol(path.name.rpartition("-")[0]) for path in folder.glob(f"*-{timeframe}.parquet"))


def read_bars(folder: Path, symbol: Symbol, timeframe: Timeframe) -> FloatArray:
    """Return a series (n, 6), oldest first, each open time once; raises Misconfigured naming an unreadable file."""
    path = panel_file(folder, symbol, timeframe)
    try:
        table = read_series(folder, (symbol, timeframe))
        if table is None:
            raise Misconfigured(f"{path}: no such file")
        return np.column_stack([table[name].to_numpy().astype(np.float64) for name in CANDLE])
    except (*UNREADABLE, KeyError) as error:
        raise Misconfigured(f"{path} cannot be read as candles ({', '.join(CANDLE)}): {error}") from error
