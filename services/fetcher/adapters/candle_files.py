"""The candles that training and replay read, and that a Redis which lost its series has back: `<home>/candles/live`.

Candles wait in memory and are written every few minutes, in a thread. What was not written when a process ended is in
the series in Redis, from where whoever takes the symbol up copies it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import pyarrow as pa

from libs.common.candle_days import TURNOVER, Key, Row, ends, grow, read_series
from libs.common.candle_panel import CANDLE, UNREADABLE, times_of
from libs.common.contracts.market import ClosedBar
from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Price, Qty, Usd

KEPT: Final = 200_000  # rows of one series: more than five years of 15m
FULL: Final = 50_000  # candles that wait at most, give or take a second's
_EXACT: Final = 15  # digits of any number that a float64 gives back as they were


class CandleFiles:
    """Files of one folder, shared with other fetchers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[Key, list[Row]] = {}
        self._ends: dict[Key, Instant] = {}  # as far as it is known
        self._anew: set[Key] = set()  # series without a whole file
        self._given: dict[Key, range] = {}  # open times of the candles that came from the files last

    @property
    def is_full(self) -> bool:
        """So many candles wait that they should be written at once."""
        return sum(map(len, self._waiting.values())) >= FULL

    def note(self, candle: ClosedBar) -> None:
        """Keep a candle for the next `flush`, if it is not from here."""
        key = (candle.symbol, candle.timeframe)
        if candle.open_at not in self._given.get(key, ()):
            self._waiting.setdefault(key, []).append(_row(candle))

    async def ends(self, keys: Sequence[Key]) -> Mapping[Key, Instant | None]:
        """Up to where each series is in the files without a day missing; None: it is not, or its file is torn."""
        found = dict(zip(keys, await asyncio.to_thread(ends, self._folder, keys), strict=True))
        self._ends |= {key: end for key, end in found.items() if end is not None}
        self._anew |= {key for key, end in found.items() if end is None}
        return found

    async def candles(self, key: Key, start: Instant, limit: int) -> Sequence[Candle]:
        """At most `limit` candles that follow each other from `start` on, as the venue told them to the digit."""
        if start > self._ends.get(key, -1):
            return ()
        try:
            table = await asyncio.to_thread(read_series, self._folder, key, since=start)
        except UNREADABLE:  # it is put aside when it is written to
            return ()
        found = _run(key, table, start, limit) if table is not None else []
        if found:
            before = self._given.get(key, range(0))
            first = before.start if before.stop == start else start
            self._given[key] = range(first, start + len(found) * key[1].ms, key[1].ms)
        return found

    async def flush(self) -> bool:
        """Write what waits; False when something in the files was torn, and is to be filed again."""
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return True
        anew, self._anew = self._anew & waiting.keys(), self._anew - waiting.keys()
        is_whole = await asyncio.to_thread(grow, self._folder, waiting, most=KEPT, anew=anew)
        self._ends |= {key: Instant(rows[-1][0]) for key, rows in waiting.items() if is_whole}
        return is_whole


def _row(candle: ClosedBar) -> Row:
    numbers = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    opened, high, low, close, volume = map(float, numbers)
    exact = all(map(_is_exact, numbers, (opened, high, low, close, volume)))
    return candle.open_at, opened, high, low, close, volume, str(candle.turnover) if exact else None


def _is_exact(number: Decimal, stored: float) -> bool:
    return len(str(number)) <= _EXACT or Decimal(repr(stored)) == number


def _run(key: Key, table: pa.Table, start: Instant, limit: int) -> Sequence[Candle]:
    """The candles from `start` on that follow each other and are exact."""
    if TURNOVER not in table.column_names:
        return ()
    at = times_of(table)
    first = at.index(start) if start in at else len(at)
    columns = (table[name].slice(first, limit).to_pylist() for name in (*CANDLE, TURNOVER))
    found: list[Candle] = []
    for number, (opens, *prices, volume, turnover) in enumerate(zip(*columns, strict=True)):
        if opens != start + number * key[1].ms or turnover is None:
            break
        opened, high, low, close = (Price(_number(price)) for price in prices)
        traded, worth = Qty(_number(volume)), Usd(Decimal(turnover))
        found.append(Candle(*key, Instant(opens), opened, high, low, close, traded, worth, closed=True))
    return found


def _number(stored: float) -> Decimal:
    """The shortest decimal that this float64 stands for, without a point where it is whole."""
    return Decimal(repr(stored).removesuffix(".0"))
