"""The days of an invented market: calm and storm, boom and slump, for all symbols together and for each apart.

Prices are made top down. A day's totals follow from the day before and the seed; the five-minute candles inside a day
(weaving.py) are then drawn so that they add up to them. So any day can be made without the candles of those between.

1. A day is a function of seed, number and the day before.
2. Symbols are drawn in groups: listing more of them changes none of those already there.

The numbers are fitted to recorded perpetuals; docs/synthetic.md shows both side by side.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
SECTORS: Final = 5
BARS: Final = 288  # five-minute candles of a day

# Regimes: calm, rising, falling, storm. Each lasts for weeks, a storm for days; the drift is a tenth of a day's
# volatility at most, so the regime shows in months and not in a direction that a model could learn.
_DRIFT: Final = (0.0, 0.002, -0.002, -0.001)
_TEMPER: Final = (-0.15, 0.0, 0.1, 0.5)  # logarithm of volatility against the usual
_LEADS_TO: Final = np.cumsum(
    ((0.94, 0.03, 0.02, 0.01), (0.04, 0.94, 0.01, 0.01), (0.04, 0.01, 0.93, 0.02), (0.12, 0.06, 0.07, 0.75)), axis=1
)
_STORM: Final = 3

MARKET_SIGMA: Final = 0.031  # of a usual day; the mean of 31 recorded symbols has 0.030
SECTOR_SIGMA: Final = 0.28  # against the market's; the second eigenvalue of correlations is 3 % of their sum

# Logarithm of volatility, slow and quick parts: what is left a day later, and each day's news. Daily realised
# volatility is autocorrelated by 0.5-0.6 after a day, 0.3 after ten and 0.15 after forty.
_CLINGING: Final = np.array((0.98, 0.70, 0.15))
_MARKET_NEWS: Final = np.array((0.075, 0.20, 0.22))
_OWN_NEWS: Final = np.array((0.075, 0.18, 0.20))
SHARED_NERVES: Final = 0.5  # how far a symbol's own noise follows the market's nerves: correlations rise in stress
_WEEKDAY: Final = (1.05, 1.05, 1.03, 1.05, 1.05, 0.82, 0.84)  # volatility from Monday to Sunday
_GENESIS_WEEKDAY: Final = 2  # day 0 is a Wednesday

# News: a jump within one candle, and the stir that follows it.
_JUMP_CHANCE: Final = 0.5  # a day, of the market and of each symbol
_JUMP_SIZE: Final = 0.3  # against the day's sigma
_STIR: Final = 1.0  # on the logarithm of volatility
_STIR_MEMORY: Final = 18  # candles
# What a stir that begins at a candle adds to the day's variance.
_STIRRED: Final = np.cumsum(np.expm1(2 * _STIR * np.exp(-np.arange(BARS) / _STIR_MEMORY)))[::-1] / BARS

_CRASH_CHANCE: Final = 1 / 400  # a day: four in the 1,600 days of the panels
_CRASH_FALL: Final = 0.09  # of the market within one candle, mean
_CRASH_WICK: Final = 0.15  # below that for a moment, mean; the panels have 0.1-0.9

_PULL: Final = 0.0007  # a day's way back to the first price: 0.02 of a day's sigma, but prices keep their digits
_MOOD_LEFT: Final = 0.95  # of yesterday's crowding and busyness
_MOOD_NEWS: Final = (1 - _MOOD_LEFT**2) ** 0.5  # so that a mood has a variance of 1
_MARKET, _GROUP = 1, 2  # what a stream of dice is for


@dataclass(frozen=True, slots=True)
class CommonDay:
    """What all symbols share on one day; returns are logarithmic."""

    regime: int
    nerves: Floats  # (3,): slow and quick parts of the logarithm of volatility
    dawn: float  # logarithm of volatility against the usual when the day begins
    dusk: float  # and when it ends
    sigma: float  # of the market's return over the day
    market: float
    sectors: Floats  # (SECTORS,)
    jump: float
    jump_bar: int
    wick: float  # how far below the candle of `jump` prices are for a moment
    crowding: float  # of longs against shorts, variance 1
    busyness: float  # of traders, variance 1


@dataclass(frozen=True, slots=True)
class Cast:
    """A group of symbols; arrays are (n,)."""

    number: int
    anchor: Floats  # logarithm of the price at the beginning
    beta: Floats
    sector: NDArray[np.int64]
    sigma: Floats  # of a symbol's own return over a usual day
    turnover: Floats  # USDT of a usual five minutes
    premium: Floats  # of the contract over its index, usually
    fickle: Floats  # how much that changes, against the usual symbol


@dataclass(frozen=True, slots=True)
class GroupDay:
    """What the symbols of a group do by themselves on one day; arrays are (n,)."""

    nerves: Floats  # (3, n), besides the market's
    dawn: Floats
    dusk: Floats
    sigma: Floats
    own: Floats
    pull: Floats
    jump: Floats
    jump_bar: NDArray[np.int64]
    crowding: Floats
    busyness: Floats
    close: Floats  # logarithm of the price when the day ends


def dice(seed: int, *purpose: int) -> np.random.Generator:
    return np.random.default_rng((seed, *purpose))


def stir(jump: Floats, bar: NDArray[np.int64]) -> Floats:
    """Return what jumps (n,) at candles `bar` (n,) do to the logarithm of volatility, (n, BARS)."""
    since = np.arange(BARS) - bar[:, None]
    return np.where((since >= 0) & (jump != 0)[:, None], _STIR * np.exp(-np.maximum(since, 0) / _STIR_MEMORY), 0.0)


def next_common(seed: int, number: int, before: CommonDay | None) -> CommonDay:
    rng = dice(seed, _MARKET, number)
    ladder = _LEADS_TO[before.regime if before else 0]
    crashes = rng.random() < _CRASH_CHANCE
    regime = _STORM if crashes else int(np.searchsorted(ladder, min(rng.random(), ladder[-1])))
    nerves = _CLINGING * (before.nerves if before else 0.0) + _MARKET_NEWS * rng.normal(size=3)
    dusk = _TEMPER[regime] + float(nerves.sum())
    dawn = before.dusk if before else dusk
    sigma = MARKET_SIGMA * _WEEKDAY[(number + _GENESIS_WEEKDAY) % 7] * float(np.exp((dawn + dusk) / 2))
    jumps = crashes or rng.random() < _JUMP_CHANCE
    jump_bar = int(rng.integers(BARS))
    fall, wick = rng.exponential((_CRASH_FALL, _CRASH_WICK))
    jump = float(jumps) * _JUMP_SIZE * sigma * float(rng.normal())
    sigma *= float(np.sqrt(1 + jumps * _STIRRED[jump_bar]))
    return CommonDay(
        regime=regime,
        nerves=nerves,
        dawn=dawn,
        dusk=dusk,
        sigma=sigma,
        market=_DRIFT[regime] + sigma * float(rng.normal()),
        sectors=SECTOR_SIGMA * sigma * rng.normal(size=SECTORS),
        jump=-float(fall) if crashes else jump,
        jump_bar=jump_bar,
        wick=float(wick) if crashes else 0.0,
        crowding=_MOOD_LEFT * (before.crowding if before else 0.0) + _MOOD_NEWS * float(rng.normal()),
        busyness=_MOOD_LEFT * (before.busyness if before else 0.0) + _MOOD_NEWS * float(rng.normal()),
    )


def next_group(seed: int, number: int, cast: Cast, common: CommonDay, before: GroupDay | None) -> GroupDay:
    rng = dice(seed, _GROUP, cast.number, number)
    size = len(cast.anchor)
    still = np.zeros(size)
    nerves = _CLINGING[:, None] * (before.nerves if before else still) + _OWN_NEWS[:, None] * rng.normal(size=(3, size))
    dusk = nerves.sum(axis=0)
    dawn = before.dusk if before else dusk
    level = (dawn + dusk + SHARED_NERVES * (common.dawn + common.dusk)) / 2
    sigma = cast.sigma * _WEEKDAY[(number + _GENESIS_WEEKDAY) % 7] * np.exp(level)
    jumps, jump_bar = rng.random(size) < _JUMP_CHANCE, rng.integers(BARS, size=size)
    jump = jumps * _JUMP_SIZE * sigma * rng.normal(size=size)
    sigma = sigma * np.sqrt(1 + jumps * _STIRRED[jump_bar])
    own = sigma * rng.normal(size=size)
    opened = before.close if before else cast.anchor
    pull = _PULL * (cast.anchor - opened)
    shared = cast.beta * (common.market + common.jump) + common.sectors[cast.sector]
    return GroupDay(
        nerves=nerves,
        dawn=dawn,
        dusk=dusk,
        sigma=sigma,
        own=own,
        pull=pull,
        jump=jump,
        jump_bar=jump_bar,
        crowding=_MOOD_LEFT * (before.crowding if before else still) + _MOOD_NEWS * rng.normal(size=size),
        busyness=_MOOD_LEFT * (before.busyness if before else still) + _MOOD_NEWS * rng.normal(size=size),
        close=opened + shared + own + jump + pull,
    )
