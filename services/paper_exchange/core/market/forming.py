"""What a path has shown so far: the newest prices, and what a stretch that goes on until now comes to.

It is asked again and again while the same minute goes on, so whole minutes are added up once, and the ticks of the
running minute are kept as plain numbers.

1. Nothing after `now` enters an answer.
2. What is kept is only a cache of what would be computed again.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from libs.common.units import MINUTE_MS, Instant
from services.paper_exchange.core.market.columns import group, join
from services.paper_exchange.core.market.path import Path
from services.paper_exchange.core.market.ticks import PREMIUM_UNITS, Reading

_ONE_BAR: Final = 2**62  # an interval that everything lies in one bar of


class Traded(NamedTuple):
    """What a stretch of time comes to, in whole numbers: see Columns for the units."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    turnover: int


class Shown(NamedTuple):
    """The newest prices, in ticks."""

    price: int
    mark: int


class Forming:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._minute = lru_cache(maxsize=2)(self._minute_of)
        self._whole = lru_cache(maxsize=32)(self._whole_of)

    def newest(self, now: int) -> Shown | None:
        """Return the prices of the newest tick at or before `now`; None before the first."""
        at, prices, marks, _ = self._minute(now // MINUTE_MS)
        seen = bisect_right(at, now)
        if seen:
            return Shown(prices[seen - 1], marks[seen - 1])
        before = self._path.newest(now)
        return Shown(int(before.price[0]), int(before.mark[0])) if len(before) else None

    def since(self, reading: Reading, interval_ms: int, begin: int, now: int) -> Traded | None:
        """Return what happened from `begin`, where a bar of the interval opens, to `now`; None if nothing did."""
        minute = now // MINUTE_MS
        whole = self._whole(reading, interval_ms, begin, Instant(minute * MINUTE_MS))
        at, prices, marks, volumes = self._minute(minute)
        low, high = bisect_right(at, begin - 1), bisect_right(at, now)
        if low >= high:
            return whole
        return _added(whole, _made(reading, prices[low:high], marks[low:high], volumes[low:high]))

    def total(self, reading: Reading, interval_ms: int, begin: int, end: int) -> Traded | None:
        """Return what happened in [begin, end): whole minutes from where a bar of the interval opens."""
        return self._whole(reading, interval_ms, begin, end)

    def _minute_of(self, minute: int) -> tuple[list[int], list[int], list[int], list[int]]:
        """Moments, prices, marks and volumes of the ticks of a minute."""
        begin = minute * MINUTE_MS
        ticks = self._path.ticks(begin - 1, begin + MINUTE_MS - 1)
        return ticks.at.tolist(), ticks.price.tolist(), ticks.mark.tolist(), ticks.volume.tolist()

    def _whole_of(self, reading: Reading, interval_ms: int, begin: int, end: int) -> Traded | None:
        fine = join([piece[1] for piece in self._path.pieces(reading, interval_ms, begin, end)])
        if not len(fine):
            return None
        _, row = group(fine, np.zeros(len(fine), np.int64), _ONE_BAR)
        return Traded(*row.at(0), int(row.turnover[0]))


def _made(reading: Reading, prices: Sequence[int], marks: Sequence[int], volumes: Sequence[int]) -> Traded:
    if reading is Reading.LAST:
        paid = sum(4 * price * volume for price, volume in zip(prices, volumes, strict=True))
        return Traded(prices[0], max(prices), min(prices), prices[-1], sum(volumes), paid)
    values = marks
    if reading is Reading.PREMIUM:
        values = [(price - mark) * PREMIUM_UNITS // mark for price, mark in zip(prices, marks, strict=True)]
    return Traded(values[0], max(values), min(values), values[-1], 0, 0)


def _added(early: Traded | None, late: Traded) -> Traded:
    if early is None:
        return late
    return Traded(
        early.open,
        max(early.high, late.high),
        min(early.low, late.low),
        late.close,
        early.volume + late.volume,
        early.turnover + late.turnover,
    )
