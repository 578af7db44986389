"""The days of an invented market: calm and storm, boom and slump, for all symbols together and for each apart.

Prices are made top down. A day's totals follow from the day before and the seed; the five-minute candles inside a day
(weaving.py) are then drawn so that they add up to them. So any day can be made without those between.

1. A day is a function of seed, number and the day before.
2. Symbols are drawn in groups: listing more of them changes none of those already there.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
SECTORS: Final = 5
BARS: Final = 288  # five-minute candles of a day

# Regimes: calm, rising, falling, storm. Daily drift and volatility of the market, and where each leads.
_DRIFT: Final = (0.0, 0.004, -0.004, -0.002)
_VOLATILITY: Final = (0.015, 0.022, 0.025, 0.050)
_LEADS_TO: Final = np.cumsum(
    ((0.90, 0.05, 0.04, 0.01), (0.08, 0.88, 0.03, 0.01), (0.08, 0.03, 0.86, 0.03), (0.15, 0.10, 0.15, 0.60)), axis=1
)
_CLINGING: Final = 0.9  # how much of yesterday's nervousness is left today
_PULL: Final = 0.004  # a day's way back to the price that a symbol began with
_JUMP_CHANCE: Final = 0.03
_MARKET, _GROUP = 1, 2  # what a stream of dice is for


@dataclass(frozen=True, slots=True)
class CommonDay:
    """What all symbols share on one day; returns are logarithmic."""

    regime: int
    nerves: float  # logarithm of volatility against the regime's
    sigma: float  # of the market's return over the day
    market: float
    sectors: Floats  # (SECTORS,)
    jump: float
    jump_bar: int


@dataclass(frozen=True, slots=True)
class Cast:
    """A group of symbols; arrays are (n,)."""

    number: int
    anchor: Floats  # logarithm of the price at the beginning
    beta: Floats
    sector: NDArray[np.int64]
    sigma: Floats  # of a symbol's own return over a usual day


@dataclass(frozen=True, slots=True)
class GroupDay:
    """What the symbols of a group do by themselves on one day; arrays are (n,)."""

    nerves: Floats
    sigma: Floats
    own: Floats
    pull: Floats
    jump: Floats
    jump_bar: NDArray[np.int64]
    close: Floats  # logarithm of the price when the day ends


def dice(seed: int, *purpose: int) -> np.random.Generator:
    return np.random.default_rng((seed, *purpose))


def next_common(seed: int, number: int, before: CommonDay | None) -> CommonDay:
    rng = dice(seed, _MARKET, number)
    ladder = _LEADS_TO[before.regime if before else 0]
    regime = int(np.searchsorted(ladder, min(rng.random(), ladder[-1])))
    nerves = _CLINGING * (before.nerves if before else 0.0) + 0.15 * rng.normal()
    sigma = _VOLATILITY[regime] * float(np.exp(nerves))
    return CommonDay(
        regime=regime,
        nerves=nerves,
        sigma=sigma,
        market=_DRIFT[regime] + sigma * rng.normal(),
        sectors=0.5 * sigma * rng.normal(size=SECTORS),
        jump=float(rng.random() < _JUMP_CHANCE) * 2.0 * sigma * float(rng.normal()),
        jump_bar=int(rng.integers(BARS)),
    )


def next_group(seed: int, number: int, cast: Cast, common: CommonDay, before: GroupDay | None) -> GroupDay:
    rng = dice(seed, _GROUP, cast.number, number)
    size = len(cast.anchor)
    nerves = _CLINGING * (before.nerves if before else np.zeros(size)) + 0.2 * rng.normal(size=size)
    sigma = cast.sigma * np.exp(nerves)
    own = sigma * rng.normal(size=size)
    jump = (rng.random(size) < _JUMP_CHANCE) * 3.0 * sigma * rng.normal(size=size)
    opened = before.close if before else cast.anchor
    pull = _PULL * (cast.anchor - opened)
    shared = cast.beta * (common.market + common.jump) + common.sectors[cast.sector]
    jump_bar = rng.integers(BARS, size=size)
    return GroupDay(nerves, sigma, own, pull, jump, jump_bar, opened + shared + own + jump + pull)
