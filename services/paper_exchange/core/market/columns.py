"""Candles as columns of whole numbers, and how fine ones make coarse ones.

1. Aggregation is integer arithmetic: first open, highest high, lowest low, last close, sum of volume.
2. Bars are aligned to UTC; weeks begin on Monday, months on their first day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from libs.common.units import DAY_MS, Instant

Ints: TypeAlias = NDArray[np.int64]
WEEK_MS: Final = 7 * DAY_MS
MONTH_MS: Final = 31 * DAY_MS  # stands for calendar months: such bars are as long as their month is
_FIRST_MONDAY_MS: Final = 4 * DAY_MS  # 1970-01-05


class Ohlcv(NamedTuple):
    """A candle in whole numbers: prices in ticks, volume in quanta."""

    open: int
    high: int
    low: int
    close: int
    volume: int


@dataclass(frozen=True, slots=True)
class Columns:
    """n candles, oldest first, no gaps; prices in ticks, volume in quanta, turnover in quarters of tick × quantum."""

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    turnover: Ints

    def __len__(self) -> int:
        return len(self.open)

    def slice(self, begin: int, end: int) -> "Columns":
        return Columns(*(column[begin:end] for column in self.all))

    def at(self, index: int) -> Ohlcv:
        return Ohlcv(*(int(column[index]) for column in self.all[:5]))

    @property
    def all(self) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints]:
        return (self.open, self.high, self.low, self.close, self.volume, self.turnover)


EMPTY: Final = Columns(*(np.zeros(0, np.int64) for _ in range(6)))


def columns_of(open_: Ints, high: Ints, low: Ints, close: Ints, volume: Ints) -> Columns:
    """Add the turnover: volume at the mean of open, high, low and close."""
    return Columns(open_, high, low, close, volume, (open_ + high + low + close) * volume)


def join(parts: Sequence[Columns]) -> Columns:
    """Return `parts` one after the other."""
    parts = [part for part in parts if len(part)]
    if len(parts) < 2:
        return parts[0] if parts else EMPTY
    return Columns(*(np.concatenate(column) for column in zip(*(part.all for part in parts), strict=True)))


def bar_number(at: int, interval_ms: int) -> int:
    """Return which bar `at` lies in, counted from the epoch's."""
    if interval_ms == MONTH_MS:
        return int(np.datetime64(at, "ms").astype("datetime64[M]").astype(np.int64))
    return (at - _shift(interval_ms)) // interval_ms


def bar_start(number: int, interval_ms: int) -> Instant:
    """Return the opening time of bar `number`, which is where the one before it closes."""
    if interval_ms == MONTH_MS:
        return Instant(int(np.datetime64(number, "M").astype("datetime64[ms]").astype(np.int64)))
    return Instant(number * interval_ms + _shift(interval_ms))


def bar_open(at: int, interval_ms: int) -> Instant:
    """Return the opening time of the bar that `at` lies in."""
    return bar_start(bar_number(at, interval_ms), interval_ms)


def bar_close(opened: int, interval_ms: int) -> Instant:
    """Return the end of the bar that opens at `opened`: the opening time of the next."""
    return bar_start(bar_number(opened, interval_ms) + 1, interval_ms)


def group(fine: Columns, opens: Ints, interval_ms: int) -> tuple[Ints, Columns]:
    """Aggregate `fine`, whose candles open at `opens`, into bars of `interval_ms`; return their opens and columns.

    Bars that begin or end inside `fine` are made of what there is of them.
    """
    bars = _bar_opens(opens, interval_ms)
    firsts = np.flatnonzero(np.concatenate(([True], bars[1:] != bars[:-1])))
    lasts = np.concatenate((firsts[1:], [len(opens)])) - 1
    return bars[firsts], Columns(
        fine.open[firsts],
        np.maximum.reduceat(fine.high, firsts),
        np.minimum.reduceat(fine.low, firsts),
        fine.close[lasts],
        np.add.reduceat(fine.volume, firsts),
        np.add.reduceat(fine.turnover, firsts),
    )


def _bar_opens(opens: Ints, interval_ms: int) -> Ints:
    if interval_ms == MONTH_MS:
        months = opens.astype("datetime64[ms]").astype("datetime64[M]")
        return months.astype("datetime64[ms]").astype(np.int64)
    shift = _shift(interval_ms)
    return (opens - shift) // interval_ms * interval_ms + shift


def _shift(interval_ms: int) -> int:
    return _FIRST_MONDAY_MS if interval_ms == WEEK_MS else 0
