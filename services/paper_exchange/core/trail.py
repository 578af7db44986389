"""The way a price takes inside a candle of which only open, high, low and close are known.

1. First tick = open, last = close; the highest and lowest ticks are the candle's high and low, exactly.
2. Every tick lies strictly after the candle's open time and at most one millisecond before its close.
3. The same candle and cause give the same trail, for ever and on every machine.
"""

from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from math import isqrt
from typing import NamedTuple

from libs.common.units import MINUTE_MS


class Ohlcv(NamedTuple):
    """A candle in whole numbers: prices in ticks, volume in quanta."""

    open: int
    high: int
    low: int
    close: int
    volume: int


@dataclass(frozen=True, slots=True)
class Trail:
    """Ticks of one candle: `offsets` in ms after its open time, ascending; `prices` in ticks."""

    offsets: tuple[int, ...]
    prices: tuple[int, ...]


def ticks_in(interval_ms: int) -> int:
    """How many ticks a candle that moves has: 7 in a minute, 10 in five, 25 in an hour."""
    return 4 + 3 * isqrt(max(1, interval_ms // MINUTE_MS))


def trail(candle: Ohlcv, interval_ms: int, cause: bytes) -> Trail:
    """Walk open → one extreme → the other → close; `cause` decides which comes first, and when.

    interval_ms: at least a minute. A candle that does not move has two ticks.
    """
    if candle.high == candle.low:
        return Trail((1, interval_ms - 1), (candle.open, candle.open))
    count = ticks_in(interval_ms)
    dice = blake2b(cause, digest_size=64).digest()
    first = 1 + dice[0] % (count - 3)
    second = first + 1 + dice[1] % (count - 2 - first)
    extremes = (candle.high, candle.low) if dice[2] % 2 else (candle.low, candle.high)
    turns = ((0, candle.open), (first, extremes[0]), (second, extremes[1]), (count - 1, candle.close))
    return Trail(_moments(count, interval_ms, dice), _walk(turns, candle, dice))


def _walk(turns: tuple[tuple[int, int], ...], candle: Ohlcv, dice: bytes) -> tuple[int, ...]:
    prices = [candle.open]
    for (begin, start), (end, goal) in pairwise(turns):
        for k in range(begin + 1, end):
            straight = start + (goal - start) * (k - begin) // (end - begin)
            wobble = (dice[k % 64] - 128) * (candle.high - candle.low) // 1024
            prices.append(min(candle.high, max(candle.low, straight + wobble)))
        prices.append(goal)
    return tuple(prices)


def _moments(count: int, interval_ms: int, dice: bytes) -> tuple[int, ...]:
    slot = (interval_ms - 2) // (count - 1)
    inner = (1 + k * slot + dice[(k + 32) % 64] * slot // 512 for k in range(1, count - 1))
    return (1, *inner, interval_ms - 1)
