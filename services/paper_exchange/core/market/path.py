"""One symbol's ticks: its tapes one after the other, walked block by block when they are asked for.

The mark price is the mean of the newest last prices: five of them at the slow beat, a minute's in real time. So it
lags a wick, never leaves the range of what was just traded, and needs no other venue.

1. Ticks and minutes are functions of the tapes, the name and the beat; what is kept between questions is only a cache.
2. Played later, the tapes have the same ticks, later.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np

from libs.common.units import MINUTE_MS, Instant
from services.paper_exchange.core.market.columns import Columns, Ints, join
from services.paper_exchange.core.market.dice import seed_of, throw
from services.paper_exchange.core.market.tape import Later, Tape
from services.paper_exchange.core.market.ticks import NO_TICKS, Reading, Ticks, bars_of, join_ticks
from services.paper_exchange.core.market.trail import Beat, ticks_in, trail

Bars: TypeAlias = tuple[Ints, Columns]  # opening times and what they hold
FOR_EVER: Final = Instant(2**62)
BLOCK_TICKS: Final = 2_048  # about as many are made at once
NUMBERS_A_MINUTE: Final = 64  # no minute has more ticks, so a tick's number is its minute's and its place
MARKED_BY: Final = {Beat.CANDLE: 5, Beat.SECOND: 60}  # ticks whose mean is the mark; no candle has fewer
_LOOKBACK_MS: Final = 2 * MINUTE_MS  # every minute has a tick, so in two minutes there is always one


class Path:
    """`tapes` follow each other without a gap, and begin and end on whole minutes; only the last may be endless."""

    def __init__(self, tapes: Sequence[Tape], beat: Beat, name: str) -> None:
        self.tapes, self.beat, self.name = tuple(tapes), beat, name
        self.first = self.tapes[0].first
        self.end = _end(self.tapes[-1])
        if any(_end(early) != late.first for early, late in pairwise(self.tapes)):
            raise ValueError(f"{name}: tapes must follow each other without a gap")
        self._seed = seed_of(name)
        self._firsts = [tape.first for tape in self.tapes]
        self._block = lru_cache(maxsize=2)(self._block_of)
        self._minutes = lru_cache(maxsize=4)(self._minutes_of)

    def later(self, by_ms: int) -> "Path":
        """The same path, `by_ms` later: whole days, so that candles and funding stay aligned."""
        return Path([Later(tape, by_ms) for tape in self.tapes], self.beat, self.name)

    def ticks(self, after: int, until: int) -> Ticks:
        """Return the ticks in (after, until]."""
        return join_ticks([block.between(after, until) for block in self._blocks(after, until + 1)])

    def newest(self, now: int) -> Ticks:
        """Return the newest tick at or before `now`, which stays when the tapes have ended; none before the first."""
        at = min(now, self.end)
        seen = self.ticks(at - _LOOKBACK_MS, at)
        return seen.slice(len(seen) - 1, len(seen)) if len(seen) else NO_TICKS

    def pieces(self, reading: Reading, interval_ms: int, begin: int, end: int) -> Iterator[Bars]:
        """Yield what happened in [begin, end), whole minutes, in pieces none of which lies in two bars of the interval.

        begin: where such a bar opens. Whole candles are taken as they were recorded.
        """
        for number in self._overlapped(begin, end):
            tape = self.tapes[number]
            low, high = max(begin, tape.first), min(end, _end(tape))
            if reading is Reading.LAST and not (interval_ms % tape.interval_ms or tape.first % tape.interval_ms):
                first, last = ((at - tape.first) // tape.interval_ms for at in (low, high))
                low = tape.first + last * tape.interval_ms
                yield np.arange(tape.first + first * tape.interval_ms, low, tape.interval_ms), tape.read(first, last)
            if low < high:
                yield self._some_minutes(reading, number, low, high)

    def _overlapped(self, begin: int, end: int) -> range:
        """The numbers of the tapes that have something in [begin, end)."""
        if begin >= min(end, self.end):
            return range(0)
        return range(max(0, bisect_right(self._firsts, begin) - 1), bisect_left(self._firsts, end))

    def _some_minutes(self, reading: Reading, number: int, begin: int, end: int) -> Bars:
        length = self._block_ms(number)
        first = self.tapes[number].first
        numbers = range((begin - first) // length, (end - 1 - first) // length + 1)
        blocks = [self._minutes(reading, number, block) for block in numbers]
        opens, columns = np.concatenate([each[0] for each in blocks]), join([each[1] for each in blocks])
        low, high = np.searchsorted(opens, (begin, end))
        return opens[low:high], columns.slice(int(low), int(high))

    def _minutes_of(self, reading: Reading, number: int, block: int) -> Bars:
        return bars_of(self._block(number, block), MINUTE_MS, reading)

    def _blocks(self, begin: int, end: int) -> Iterator[Ticks]:
        """Yield the blocks that touch [begin, end)."""
        for number in self._overlapped(begin, end):
            tape, length = self.tapes[number], self._block_ms(number)
            low, high = max(begin, tape.first) - tape.first, min(end, _end(tape)) - tape.first
            for block in range(low // length, (high - 1) // length + 1):
                yield self._block(number, block)

    def _block_of(self, number: int, block: int) -> Ticks:
        tape, size = self.tapes[number], self._block_size(number)
        begin = block * size
        end = begin + size if tape.count is None else min(begin + size, tape.count)
        lead = min(begin, 1)  # the candle before, whose last prices are still in the first marks
        candles = tape.read(begin - lead, end)
        opens = tape.first + np.arange(begin - lead, end, dtype=np.int64) * tape.interval_ms
        minutes = (opens - self.first) // MINUTE_MS
        count = ticks_in(tape.interval_ms, self.beat)
        way = trail(candles, tape.interval_ms, self.beat, throw(self._seed, minutes, count))
        before = self._close_before(number) if begin == 0 else None
        marks = _marks(way.prices.ravel(), MARKED_BY[self.beat], int(candles.open[0]) if before is None else before)
        return Ticks(
            at=(opens[:, None] + way.offsets).ravel()[lead * count :],
            number=(minutes[:, None] * NUMBERS_A_MINUTE + np.arange(count)).ravel()[lead * count :],
            price=way.prices.ravel()[lead * count :],
            mark=marks[lead * count :],
            volume=way.volumes.ravel()[lead * count :],
        )

    def _close_before(self, number: int) -> int | None:
        """The close of the tape before; None for the first."""
        if number == 0:
            return None
        before = self.tapes[number - 1]
        count = before.count or 0
        return before.read(count - 1, count).at(0).close

    def _block_size(self, number: int) -> int:
        return max(1, BLOCK_TICKS // ticks_in(self.tapes[number].interval_ms, self.beat))

    def _block_ms(self, number: int) -> int:
        return self._block_size(number) * self.tapes[number].interval_ms


def _marks(prices: Ints, count: int, before: int) -> Ints:
    """Mean of the newest `count` prices, rounded down to the tick; `before` is what was paid until the first."""
    sums = np.cumsum(np.concatenate((np.full(count, before, np.int64), prices)))
    return (sums[count:] - sums[:-count]) // count


def _end(tape: Tape) -> Instant:
    return FOR_EVER if tape.count is None else Instant(tape.first + tape.count * tape.interval_ms)
