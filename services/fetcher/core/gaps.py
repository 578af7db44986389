"""One series as it is told: strictly in order, and what to do about a hole.

1. Candles leave in the order of their open times, each once, whatever order and however often they come.
2. While a hole is open, later candles wait behind it: at most WAITING of them, the earliest.
3. A hole is passed over only as a whole, up to the first candle that is there.
4. A candle is let out only after all before it, and a candle that is not admitted is a hole.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Timeframe

WAITING: Final = 500


class Line(NamedTuple):
    """How far a series is told. `top`: open time of the candle dealt with last, told or passed over.

    `stored`: open time of the last candle that was told; None: nothing of this series is stored yet.
    """

    timeframe: Timeframe
    top: Instant
    stored: Instant | None
    waiting: tuple[Candle, ...] = ()  # sorted, no two of one open time, all after the hole

    @property
    def next_open(self) -> Instant:
        return Instant(self.top + self.timeframe.ms)


@dataclass(frozen=True, slots=True)
class Hole:
    """Open times of the first and the last candle that are not there."""

    first: Instant
    last: Instant
    timeframe: Timeframe

    @property
    def candles(self) -> int:
        return (self.last - self.first) // self.timeframe.ms + 1


def everybody(_candle: Candle) -> bool:
    """Admit all candles."""
    return True


def take(
    line: Line, candles: Iterable[Candle], admits: Callable[[Candle], bool] = everybody
) -> tuple[Line, tuple[Candle, ...]]:
    """Return the line with these closed candles taken in, and those that may be told now, in order.

    Of two candles of one open time the first one heard counts. `admits` is asked about each when its turn has come.
    """
    later = {candle.open_at: candle for candle in line.waiting if candle.open_at > line.top}
    ready: list[Candle] = []
    following, step, is_shut = line.next_open, line.timeframe.ms, False
    for candle in candles:
        if candle.open_at < following or (is_shut and candle.open_at == following):
            continue
        if later or candle.open_at > following:
            later.setdefault(candle.open_at, candle)
        elif admits(candle):  # nearly all come in their order, and nothing waits
            ready.append(candle)
            following = Instant(following + step)
        else:
            is_shut = True
    while not is_shut and following in later and admits(candle := later.pop(following)):
        ready.append(candle)
        following = Instant(following + step)
    waiting = tuple(later[open_at] for open_at in sorted(later)[:WAITING]) if later else ()
    if not ready:
        return line._replace(waiting=waiting), ()
    last = ready[-1].open_at
    return Line(line.timeframe, last, last, waiting), tuple(ready)


def begin_at(line: Line, first: Instant) -> Line:
    """Let a series of which nothing is stored begin with the first candle that the venue has."""
    if line.stored is not None or first <= line.next_open:
        return line
    return line._replace(top=Instant(first - line.timeframe.ms))


def hole_in(line: Line, newest_closed: Instant) -> Hole | None:
    """Return what lies between the last candle told and the next one there, or the newest that has closed."""
    last = line.waiting[0].open_at - line.timeframe.ms if line.waiting else newest_closed
    return Hole(line.next_open, Instant(last), line.timeframe) if line.next_open <= last else None


def pass_over(
    line: Line, hole: Hole, admits: Callable[[Candle], bool] = everybody
) -> tuple[Line, tuple[Instant, ...], tuple[Candle, ...]]:
    """Give the hole up: return the line, the open times that will never be told, and what may be told now."""
    missing = tuple(Instant(at) for at in range(hole.first, hole.last + 1, line.timeframe.ms))
    line, ready = take(line._replace(top=hole.last), (), admits)
    return line, missing, ready
