"""The candles that training reads: `<home>/candles/live/<SYMBOL>-<tf>.parquet`, whole or not at all.

Candles wait in memory and are merged into their files every few minutes, in a thread. What was not written when a
process ended is in the series in Redis, from where whoever takes the symbol up copies it.
"""

import asyncio
import fcntl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd
import structlog

from libs.common.contracts.market import CandleClosed
from libs.common.units import Instant
from services.fetcher.core.catch_up import Key

log = structlog.get_logger()

KEPT: Final = 200_000  # rows of one file: more than five years of 15m
COLUMNS: Final = ("ts", "open", "high", "low", "close", "volume")


class CandleFiles:
    """Files of one folder, shared with other fetchers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[Key, list[CandleClosed]] = {}

    def note(self, candle: CandleClosed) -> None:
        """Keep a candle for the next `flush`."""
        self._waiting.setdefault((candle.symbol, candle.timeframe), []).append(candle)

    async def newest(self, key: Key) -> Instant | None:
        """Open time of the last candle in the file; None when there is no file, or none that can be read."""
        return await asyncio.to_thread(_newest, self._path(key))

    async def flush(self) -> int:
        """Write what waits; return how many files were written."""
        waiting, self._waiting = self._waiting, {}
        await asyncio.to_thread(self._write_all, waiting)
        return len(waiting)

    def _write_all(self, waiting: dict[Key, list[CandleClosed]]) -> None:
        if not waiting:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a fetcher that hands a symbol over may still be writing
            for key, candles in waiting.items():
                merge(self._path(key), candles)

    def _path(self, key: Key) -> Path:
        symbol, timeframe = key
        return self._folder / f"{symbol}-{timeframe}.parquet"


def merge(path: Path, candles: Sequence[CandleClosed]) -> None:
    """Rewrite a file with these candles in it: sorted by time, each once, the newest KEPT."""
    rows = [(c.open_at, float(c.open), float(c.high), float(c.low), float(c.close), float(c.volume)) for c in candles]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"ts": "int64"})
    frame = pd.concat([*_stored(path), frame])
    frame = frame.drop_duplicates("ts", keep="last").sort_values("ts").tail(KEPT)
    new = path.with_suffix(".tmp")
    frame.to_parquet(new, index=False)
    new.replace(path)


def _newest(path: Path) -> Instant | None:
    try:
        column = pd.read_parquet(path, columns=["ts"])["ts"]
    except (OSError, ValueError):
        return None
    return Instant(int(column.iloc[-1])) if len(column) else None


def _stored(path: Path) -> Sequence[pd.DataFrame]:
    """What a file has; one that cannot be read (the power failed) is put aside, for it would stop us for ever."""
    try:
        return [pd.read_parquet(path)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        aside = path.with_suffix(".unreadable")
        log.error("candles.unreadable", file=str(path), put_aside=str(aside), reason=str(error))
        path.replace(aside)
        return []
