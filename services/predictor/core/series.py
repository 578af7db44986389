"""One series as the predictor knows it: the kernel's state, and the row of the newest closed candle.

1. Candles enter in order, each once; what does not follow on is told apart before it can enter.
2. A row belongs to exactly one candle, and it is named by that candle's close.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

import numpy as np

from libs.common.contracts.market import CandleClosed
from libs.common.units import ZERO, Instant, Price, Timeframe
from services.predictor.core.feature_table import WARM_UP
from services.predictor.core.features import COLUMNS, SEEN, FloatArray, new_state, rows_of, step


class Arrival(StrEnum):
    NEXT = "next"
    OLD = "old"  # known already
    AHEAD = "ahead"  # a candle between is not known: rebuild from the stored series


@dataclass(slots=True)
class Series:
    """Features of one symbol and timeframe up to its newest closed candle."""

    timeframe: Timeframe
    close_at: Instant = Instant(0)  # up to here everything is known, or passed over; 0 before the first candle
    newest_at: Instant = Instant(0)  # close of the newest candle: the row is its own
    close: Price = Price(ZERO)
    candle_id: str = ""
    state: FloatArray = field(default_factory=new_state)
    row: FloatArray = field(default_factory=lambda: np.full(COLUMNS, np.nan))

    @property
    def bars(self) -> int:
        return int(self.state[SEEN])

    @property
    def warm(self) -> bool:
        """Whether every value of the row can be believed."""
        return self.bars >= WARM_UP and not bool(np.isnan(self.row).any())

    def arrival(self, open_at: Instant) -> Arrival:
        if self.close_at == 0 or open_at > self.close_at:
            return Arrival.AHEAD
        return Arrival.NEXT if open_at == self.close_at else Arrival.OLD

    def take(self, candle: CandleClosed) -> None:
        """Step to `candle`, which is the next one or the first after a hole that nobody can fill."""
        step(self.state, bar_of(candle), self.row)
        self.name_row(candle)

    def name_row(self, candle: CandleClosed) -> None:
        """The row is that of `candle`."""
        self.close_at = self.newest_at = candle.close_at
        self.close, self.candle_id = candle.close, candle.id

    def pass_over(self, close_at: Instant) -> None:
        """The candle before `close_at` cannot be had: the next one follows on the one before it."""
        self.close_at = max(self.close_at, close_at)


def bar_of(candle: CandleClosed) -> FloatArray:
    """The candle as the kernel takes it: (6,)."""
    return np.array([float(number) for number in numbers_of(candle)])


def numbers_of(candle: CandleClosed) -> tuple[int | Decimal, ...]:
    return candle.open_at, candle.open, candle.high, candle.low, candle.close, candle.volume


def bars_of(candles: Sequence[CandleClosed]) -> FloatArray:
    """Candles as the kernel takes them: (n, 6)."""
    numbers = (float(number) for candle in candles for number in numbers_of(candle))
    return np.fromiter(numbers, dtype=np.float64, count=6 * len(candles)).reshape(-1, 6)


def series_of(timeframe: Timeframe, candles: Sequence[CandleClosed]) -> Series:
    """Return the series as it is after `candles`, oldest first."""
    series = Series(timeframe)
    if candles:
        series.row = rows_of(bars_of(candles), series.state)[-1]
        series.name_row(candles[-1])
    return series
