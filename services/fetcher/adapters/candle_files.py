"""The candles that training reads: `<home>/candles/live/<SYMBOL>-<tf>.parquet`, whole or not at all.

Candles wait in memory and are merged into their files every few minutes, in a thread. What was not written when a
process ended is in the series in Redis, from where whoever takes the symbol up copies it.
"""

import asyncio
from pathlib import Path
from typing import Final

import pandas as pd

from libs.common.candle_panel import candle_rows, merge, panel_file, writing
from libs.common.contracts.market import ClosedBar
from libs.common.units import Instant
from services.fetcher.core.catch_up import Key

KEPT: Final = 200_000  # rows of one file: more than five years of 15m


class CandleFiles:
    """Files of one folder, shared with other fetchers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[Key, list[ClosedBar]] = {}

    def note(self, candle: ClosedBar) -> None:
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

    def _write_all(self, waiting: dict[Key, list[ClosedBar]]) -> None:
        if not waiting:
            return
        with writing(self._folder):  # a fetcher that hands a symbol over may still be writing
            for key, candles in waiting.items():
                merge(self._path(key), candle_rows(candles), most=KEPT)

    def _path(self, key: Key) -> Path:
        symbol, timeframe = key
        return panel_file(self._folder, symbol, timeframe)


def _newest(path: Path) -> Instant | None:
    try:
        column = pd.read_parquet(path, columns=["ts"])["ts"]
    except (OSError, ValueError):
        return None
    return Instant(int(column.iloc[-1])) if len(column) else None
