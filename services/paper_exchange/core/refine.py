"""Quarter hours for markets that were recorded only by the half hour or the hour.

What happened inside an hour is not known; one way that it could have gone is walked, the same for ever.

1. Put together again, the fine candles are the coarse ones: open, high, low, close and volume.
2. A fine candle opens where the one before it closed, except at the beginning of a coarse one.
"""

from collections.abc import Iterator

import numpy as np

from services.paper_exchange.core.columns import Columns, columns_of
from services.paper_exchange.core.tape import Recorded
from services.paper_exchange.core.trail import Ohlcv, trail


class Refined:
    """A tape of finer candles than were recorded, made when they are asked for. See Tape.

    fine_ms divides the interval of `coarse`; `name` is the cause of the way that is walked.
    """

    def __init__(self, coarse: Recorded, fine_ms: int, name: str) -> None:
        self.coarse = coarse
        self.first = coarse.first
        self.interval_ms = fine_ms
        self._count = coarse.interval_ms // fine_ms  # fine candles of a coarse one
        self._name = name
        self._made: dict[int, tuple[Ohlcv, ...]] = {}  # at most what was recorded

    @property
    def count(self) -> int:
        return self.coarse.count * self._count

    def read(self, begin: int, end: int) -> Columns:
        first = begin // self._count
        rows = [part for index in range(first, -(-end // self._count)) for part in self._split(index)]
        wanted = np.array(rows[begin - first * self._count : end - first * self._count], np.int64)
        open_, high, low, close, volume = wanted.reshape(-1, 5).T
        return columns_of(open_, high, low, close, volume)

    def _split(self, index: int) -> tuple[Ohlcv, ...]:
        if index not in self._made:
            candle, cause = self.coarse.columns.at(index), f"{self._name}:{index}".encode()
            self._made[index] = tuple(_parts(candle, self.coarse.interval_ms, self._count, cause))
        return self._made[index]


def _parts(candle: Ohlcv, interval_ms: int, count: int, cause: bytes) -> Iterator[Ohlcv]:
    way = trail(candle, interval_ms, cause)
    seen: list[list[int]] = [[] for _ in range(count)]
    for offset, price in zip(way.offsets, way.prices, strict=True):
        seen[offset * count // interval_ms].append(price)
    price = candle.open
    for number, prices in enumerate(seen):
        touched = [price, *prices]
        volume = candle.volume * (number + 1) // count - candle.volume * number // count
        yield Ohlcv(price, max(touched), min(touched), touched[-1], volume)
        price = touched[-1]
