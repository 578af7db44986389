"""Ticks as columns of whole numbers, and the minutes that they make.

1. A minute is the ticks in it: first price, highest, lowest, last, and what was traded at each price.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from services.paper_exchange.core.market.columns import Columns, Ints

PREMIUM_UNITS: Final = 10**8  # of one: what a premium's whole numbers are counted in


class Reading(StrEnum):
    """What bars are made of: the last price, the mark, or how far the first is above the second."""

    LAST = "last"
    MARK = "mark"
    PREMIUM = "premium"


@dataclass(frozen=True, slots=True)
class Ticks:
    """n ticks, oldest first; `at` in ms since the epoch, `number` grows within a symbol, the rest as in Columns."""

    at: Ints
    number: Ints
    price: Ints
    mark: Ints
    volume: Ints

    def __len__(self) -> int:
        return len(self.at)

    @property
    def all(self) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        return (self.at, self.number, self.price, self.mark, self.volume)

    def slice(self, begin: int, end: int) -> "Ticks":
        return Ticks(*(column[begin:end] for column in self.all))

    def between(self, after: int, until: int) -> "Ticks":
        """Return the ticks in (after, until]."""
        begin, end = np.searchsorted(self.at, (after, until), side="right")
        return self.slice(int(begin), int(end))

    def read(self, reading: Reading) -> Ints:
        if reading is Reading.LAST:
            return self.price
        if reading is Reading.MARK:
            return self.mark
        return (self.price - self.mark) * PREMIUM_UNITS // self.mark


NO_TICKS: Final = Ticks(*(np.zeros(0, np.int64) for _ in range(5)))


def join_ticks(parts: Sequence[Ticks]) -> Ticks:
    """Return `parts` one after the other."""
    parts = [part for part in parts if len(part)]
    if len(parts) < 2:
        return parts[0] if parts else NO_TICKS
    return Ticks(*(np.concatenate(column) for column in zip(*(part.all for part in parts), strict=True)))


def bars_of(ticks: Ticks, interval_ms: int, reading: Reading) -> tuple[Ints, Columns]:
    """Return opening times and columns of the bars of `interval_ms` since the epoch in which there are ticks.

    Only bars of the last price have volume and turnover.
    """
    if not len(ticks):
        return ticks.at, Columns(*[ticks.at] * 6)
    bars = ticks.at // interval_ms
    firsts = np.flatnonzero(np.concatenate(([True], bars[1:] != bars[:-1])))
    lasts = np.concatenate((firsts[1:], [len(bars)])) - 1
    value = ticks.read(reading)
    traded = ticks.volume if reading is Reading.LAST else np.zeros_like(ticks.volume)
    return bars[firsts] * interval_ms, Columns(
        value[firsts],
        np.maximum.reduceat(value, firsts),
        np.minimum.reduceat(value, firsts),
        value[lasts],
        np.add.reduceat(traded, firsts),
        np.add.reduceat(4 * traded * value, firsts),
    )
