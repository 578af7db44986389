"""Candles and funding from the files of others: CSV, freqtrade's feather and JSON, and Parquet.

A file says by its name what it holds: `BTCUSDT-15m.csv`, `BTC_USDT_USDT-15m-futures.feather`,
`BTC_USDT_USDT-8h-funding_rate.feather`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa

from ironkeel.candles.checked import judged
from libs.common.candle_panel import CANDLE, FUNDING, FUNDING_KIND, INTERVALS_MS
from libs.common.errors import Misconfigured

READERS: Final[Mapping[str, Callable[[Path], pd.DataFrame]]] = {
    ".csv": pd.read_csv,
    ".feather": pd.read_feather,
    ".json": lambda path: pd.DataFrame(orjson.loads(path.read_bytes())),
    ".parquet": pd.read_parquet,
}
_OURS: Final = re.compile(r"(?P<symbol>[A-Z0-9]{1,20})-(?P<kind>\w+)")
_FREQTRADE: Final = re.compile(r"(?P<base>[A-Z0-9]+)_USDT_USDT-(?P<kind>\w+?)-(?P<what>futures|mark|funding_rate)")
_TIMES: Final = ("ts", "timestamp", "time", "date", "datetime", "open_time", "opentime", "start")
_RATES: Final = ("funding_rate", "fundingrate", "rate", "open")  # freqtrade keeps the rate as a candle's open
_SECONDS_END: Final = 10**11  # larger numbers are milliseconds


@dataclass(frozen=True, slots=True)
class Series:
    """What a file turned out to hold. kind: a timeframe, or `funding`."""

    symbol: str
    kind: str
    rows: pa.Table


def read_series(path: Path, *, symbol: str | None = None, timeframe: str | None = None) -> Series:
    """Read one file; what it does not say by its name is said by the caller.

    Raises Misconfigured naming the file, what is wrong with it and what would be right.
    """
    reader = READERS.get(path.suffix)
    if reader is None:
        raise Misconfigured(f"{path}: {path.suffix or 'no ending'} is none of {', '.join(READERS)}")
    named, kind = _named(path.stem)
    symbol, kind = symbol or named, timeframe or kind
    if not symbol or kind not in {*INTERVALS_MS, FUNDING_KIND}:
        allowed = ", ".join((*INTERVALS_MS, FUNDING_KIND))
        raise Misconfigured(f"{path}: its name says no symbol and kind of {allowed}: give --symbol and --timeframe")
    try:
        frame = reader(path)
    except (OSError, ValueError, TypeError) as error:
        raise Misconfigured(f"{path} cannot be read: {error}") from error
    rows = _funding(path, frame) if kind == FUNDING_KIND else _candles(path, frame)
    rows = rows.drop_duplicates("ts", keep="last").sort_values("ts", ignore_index=True)
    if faults := judged(path, rows, kind).faults:
        raise Misconfigured(f"{path}, as {symbol} {kind}: {'; '.join(faults)}")
    return Series(symbol, kind, pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None))


def _named(stem: str) -> tuple[str, str]:
    """Symbol and kind as far as a file's name tells."""
    if theirs := _FREQTRADE.fullmatch(stem):
        kinds = {"futures": theirs["kind"], "funding_rate": FUNDING_KIND}  # the mark's candles are no panel's
        return f"{theirs['base']}USDT", kinds.get(theirs["what"], "")
    ours = _OURS.fullmatch(stem)
    return (ours["symbol"], ours["kind"]) if ours else ("", "")


def _candles(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    if all(isinstance(name, int) for name in frame.columns) and len(frame.columns) >= len(CANDLE):  # rows without names
        frame = frame.iloc[:, : len(CANDLE)].set_axis(list(CANDLE), axis=1)
    numbers = {name: _numbers(path, frame, name, (name,)) for name in CANDLE[1:]}
    return pd.DataFrame({"ts": _instants(path, frame), **numbers})


def _funding(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"ts": _instants(path, frame), FUNDING[1]: _numbers(path, frame, "rate", _RATES)})


def _instants(path: Path, frame: pd.DataFrame) -> "pd.Series[int]":
    column = _column(path, frame, "time", _TIMES)
    if pd.api.types.is_datetime64_any_dtype(column):
        return _ms(pd.to_datetime(column, utc=True))
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().all():
        return (numbers * np.where(numbers < _SECONDS_END, 1_000, 1)).astype("int64")
    try:
        return _ms(pd.to_datetime(column, utc=True))
    except (ValueError, TypeError) as error:
        raise Misconfigured(f"{path}: {column.name} holds no times: {error}") from error


def _ms(moments: "pd.Series[pd.Timestamp]") -> "pd.Series[int]":
    return moments.dt.as_unit("ms").astype("int64")


def _numbers(path: Path, frame: pd.DataFrame, what: str, names: tuple[str, ...]) -> "pd.Series[float]":
    column = _column(path, frame, what, names)
    try:
        return pd.to_numeric(column).astype("float64")
    except (ValueError, TypeError) as error:
        raise Misconfigured(f"{path}: {column.name} holds no numbers: {error}") from error


def _column(path: Path, frame: pd.DataFrame, what: str, names: tuple[str, ...]) -> "pd.Series[Any]":
    known = {str(name).strip().lower().replace(" ", "_"): name for name in frame.columns}
    for name in names:
        if name in known:
            return frame[known[name]]
    needed = ", ".join(names)
    raise Misconfigured(f"{path}: no column for the {what}: it has {', '.join(known)}, one of {needed} is needed")
