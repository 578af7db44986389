"""The way a price takes inside candles of which only open, high, low, close and volume are known.

A recording says where a price went, not how. One way it could have gone is walked: open, one extreme, the other,
close, and a random walk round the straight lines between. How often it ticks is the market's beat. Where the market
runs fast a tick a minute and at least five inside a candle are enough; in real time people and programs watch, so it
ticks every second. A world keeps the beat it began with: both walks keep the candles, but they are two markets.

1. First tick = open, last = close; the highest and lowest ticks are the candle's high and low, exactly.
2. Every tick lies strictly after the candle's open time and at most one millisecond before its close; every minute has
   one.
3. The volumes of the ticks add up to the candle's, and their mean price is the mean of its open, high, low and close,
   up to what rounding to whole quanta takes.
4. The same candle and dice give the same trail, for ever and on every machine.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import isqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from libs.common.units import MINUTE_MS
from services.paper_exchange.core.market.columns import Columns, Ints
from services.paper_exchange.core.market.dice import Dice, bits

LEAST_INSIDE: Final = 5  # ticks between a candle's first and last, so that there is a way between the extremes
_WILDNESS: Final = 512  # a step of the walk is at most 255 / 512 of the range over the root of the steps


class Beat(StrEnum):
    """How often a market ticks."""

    CANDLE = "candle"
    SECOND = "second"


@dataclass(frozen=True, slots=True)
class Trail:
    """The ticks of m candles, (m, n) each: ms after a candle's open time, prices in ticks, volumes in quanta."""

    offsets: Ints
    prices: Ints
    volumes: Ints


def ticks_a_minute(interval_ms: int, beat: Beat) -> int:
    """How many ticks a minute has, beside the first and the last of its candle."""
    return 60 if beat is Beat.SECOND else -(-LEAST_INSIDE * MINUTE_MS // interval_ms)


def ticks_in(interval_ms: int, beat: Beat) -> int:
    """How many ticks a candle has: at the slow beat 7 in up to five minutes, 17 in a quarter of an hour."""
    return interval_ms // MINUTE_MS * ticks_a_minute(interval_ms, beat) + 2


def trail(candles: Columns, interval_ms: int, beat: Beat, dice: Dice) -> Trail:
    """Walk through `candles`, each `interval_ms` long: whole minutes. dice: (m, ticks_in(interval_ms, beat))."""
    count = dice.shape[1]
    first = 1 + bits(dice[:, 0], 32, 31) % (count - 3)
    second = first + 1 + bits(dice[:, 1], 32, 31) % (count - 2 - first)
    rises = bits(dice[:, 2], 63, 1) == 1
    prices = _walk(candles, first, second, rises, dice)
    volumes = _spread(candles, prices, np.where(rises, first, second), np.where(rises, second, first), dice)
    return Trail(_moments(interval_ms, ticks_a_minute(interval_ms, beat), dice), prices, volumes)


def _moments(interval_ms: int, a_minute: int, dice: Dice) -> Ints:
    """Ticks lie in the middle halves of equal slots, so none is ever far from the next."""
    slot = MINUTE_MS // a_minute
    inner = dice[:, 1:-1]
    begins = np.arange(inner.shape[1], dtype=np.int64) // a_minute * MINUTE_MS
    begins += np.arange(inner.shape[1], dtype=np.int64) % a_minute * slot
    offsets = np.empty(dice.shape, np.int64)
    offsets[:, 0], offsets[:, -1] = 1, interval_ms - 1
    offsets[:, 1:-1] = begins + slot // 4 + bits(inner, 0, 10) * (slot // 2) // 1024
    return offsets


def _walk(candles: Columns, first: Ints, second: Ints, rises: NDArray[np.bool_], dice: Dice) -> Ints:
    """Straight lines between the turns, and a random walk that is at nought at every turn."""
    rows, count = dice.shape
    place = np.arange(count, dtype=np.int64)
    turns = np.stack((np.zeros(rows, np.int64), first, second, np.full(rows, count - 1, np.int64)), axis=1)
    extremes = np.where(rises, candles.high, candles.low), np.where(rises, candles.low, candles.high)
    goals = np.stack((candles.open, *extremes, candles.close), axis=1)
    noise = np.cumsum(bits(dice, 10, 8) * 2 - 255, axis=1)
    leg = (place >= first[:, None]).astype(np.int64) + (place >= second[:, None])
    begin, end = (np.take_along_axis(turns, leg + late, axis=1) for late in (0, 1))
    start, goal = (np.take_along_axis(goals, leg + late, axis=1) for late in (0, 1))
    before, after = (np.take_along_axis(noise, at, axis=1) for at in (begin, end))
    gone, way = place - begin, end - begin
    wobble = noise - before - (after - before) * gone // way
    reach = (candles.high - candles.low)[:, None]
    price = start + (goal - start) * gone // way + wobble * reach // (_WILDNESS * isqrt(count))
    low, high = candles.low[:, None], candles.high[:, None]
    folded = low + np.abs(high - np.abs(high - price) - low)  # what would leave the candle turns round at its edge
    prices: Ints = np.clip(folded, low, high)
    return prices


def _spread(candles: Columns, prices: Ints, highest: Ints, lowest: Ints, dice: Dice) -> Ints:
    """Part of the volume at one extreme, so that the mean price is right, and the rest at random over all ticks."""
    weights = bits(dice, 18, 4) + 1
    total = weights.sum(axis=1)
    worth = 4 * (weights * prices).sum(axis=1)
    missing = (candles.open + candles.high + candles.low + candles.close) * total - worth
    at_high = missing > 0
    room = 4 * np.where(at_high, candles.high, candles.low) * total - worth
    share = np.divide(missing, room, out=np.zeros(len(room)), where=room != 0)
    extra = (share * candles.volume).astype(np.int64)
    each, rest = (
        part[:, None] for part in np.divmod(candles.volume - extra, total)
    )  # apart, so that nothing overflows
    gone = np.cumsum(weights, axis=1)
    volumes: Ints = np.diff(each * gone + rest * gone // total[:, None], axis=1, prepend=0)
    volumes[np.arange(len(volumes)), np.where(at_high, highest, lowest)] += extra
    return volumes
