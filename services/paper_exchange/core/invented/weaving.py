"""The five-minute candles inside an invented day: they add up to what the day did as a whole.

1. The last close of a day is the day's close, and a candle opens where the one before closed.
2. Volatility comes in clusters that midnight does not cut, follows the hours of the day, and volume follows it.
3. Given its day, a candle's direction tells nothing of the next one's.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.paper_exchange.core.invented.climate import (
    BARS,
    MARKET_SIGMA,
    SECTOR_SIGMA,
    SECTORS,
    SHARED_NERVES,
    Cast,
    CommonDay,
    Floats,
    GroupDay,
    dice,
    stir,
)

_SHARED_BARS, _OWN_BARS, _SHARED_CLUSTERS, _OWN_CLUSTERS = 3, 4, 6, 7  # what a stream of dice is for

# Logarithm of volatility inside a day: memories of 4 candles and of 4 hours, and each candle's own luck, which gives
# returns their fat tails. Ranges are autocorrelated by 0.64 after one candle, 0.51 after an hour, 0.37 after four.
_MEMORIES: Final = (4, 48)
_SPREADS: Final = (0.20, 0.36)
_LUCK: Final = 0.23
_LEVERAGE: Final = -0.35  # falls make nervous: return and next |return| are correlated by -0.01 to -0.03

# Volatility by the hour, UTC: mean |return| of a quarter hour in the panels. New York's morning is the peak.
_HOURS: Final = (
    1.09, 1.01, 0.98, 0.92, 0.90, 0.90, 0.91, 0.90, 0.94, 0.89, 0.85, 0.88,
    1.01, 1.12, 1.42, 1.34, 1.17, 1.07, 0.99, 0.98, 0.97, 0.96, 0.88, 0.82,
)  # fmt: skip

_LONG_WICK_CHANCE: Final = 0.01
_ONE_SIDED: Final = 0.6  # of the candles: far up means not far down, as on a Brownian path
_LONG_WICK: Final = 1.0  # a candle's sigmas, mean
_CRASH_SPREAD: Final = 0.5  # of the symbols' wicks in a crash, on their logarithm

_BROWNIAN_RANGE: Final = 1.6  # of a path's sigma

# Logarithm of turnover against that of the candle's range: slope 1.14-1.29, and 0.6-0.7 of it is not told by the range.
_SLOPE: Final = (0.6, 0.65)  # on the range that was seen, and on the volatility behind it
_SHARED_BUSY, _OWN_BUSY = 0.32, 0.28  # the day's
_HOURLY_BUSY: Final = 0.4  # of the hours' volatility: turnover peaks higher than it
_BAR_BUSY: Final = (0.27, 0.32)  # the candle's: shared and own


@dataclass(frozen=True, slots=True)
class SharedBars:
    """What all symbols share in every five minutes; returns are logarithmic."""

    market: Floats  # (BARS,)
    sectors: Floats  # (SECTORS, BARS)
    mood: Floats  # (BARS,): logarithm of volatility against the day's
    variance: Floats  # (BARS,): of the market
    wick: Floats  # (BARS,): see CommonDay
    busy: Floats  # (BARS,): logarithm of turnover


@dataclass(frozen=True, slots=True)
class Woven:
    """Prices in quote currency and turnover in USDT of n symbols, each (n, BARS)."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    turnover: Floats


def shared_bars(seed: int, number: int, day: CommonDay) -> SharedBars:
    rng = dice(seed, _SHARED_BARS, number)
    luck = _luck(rng)
    before = _luck(dice(seed, _SHARED_BARS, number - 1))[0] if number else np.zeros(BARS)
    shocks = _shocks(seed, number, 1, _SHARED_CLUSTERS)
    shocks[:, :, 1:] += _LEVERAGE * np.concatenate((before, luck[0, :-1]))
    hours = np.log(np.repeat(_HOURS, BARS // 24))
    mood = _clusters(shocks)[0] + _LUCK * rng.normal(size=BARS) + hours
    mood += _ramp(day.dawn, day.dusk) + stir(np.array([day.jump]), np.array([day.jump_bar]))[0]
    shares = _shares(mood[None])
    sigmas = day.sigma * np.concatenate(([1.0], np.full(SECTORS, SECTOR_SIGMA)))
    returns = _bridge(luck, shares, sigmas, np.concatenate(([day.market], day.sectors)))
    returns[0, day.jump_bar] += day.jump
    wick = np.zeros(BARS)
    wick[day.jump_bar] = day.wick
    busy = _SHARED_BUSY * day.busyness + _HOURLY_BUSY * hours + _BAR_BUSY[0] * rng.normal(size=BARS)
    return SharedBars(returns[0], returns[1:], mood, day.sigma**2 * shares[0], wick, busy)


def weave(seed: int, number: int, cast: Cast, shared: SharedBars, day: GroupDay, opened: Floats) -> Woven:
    """Return a group's candles of day `number`; `opened` (n,) is the logarithm of the price before."""
    size = len(cast.anchor)
    rng = dice(seed, _OWN_BARS, cast.number, number)
    mood = _clusters(_shocks(seed, number, size, _OWN_CLUSTERS, cast.number)) + _LUCK * rng.normal(size=(size, BARS))
    mood += _ramp(day.dawn[:, None], day.dusk[:, None]) + stir(day.jump, day.jump_bar)
    shares = _shares(SHARED_NERVES * shared.mood + mood)
    own = _bridge(rng.normal(size=(size, BARS)), shares, day.sigma, day.own + day.pull)
    own[np.arange(size), day.jump_bar] += day.jump
    returns = cast.beta[:, None] * shared.market + shared.sectors[cast.sector] + own
    close = opened[:, None] + np.cumsum(returns, axis=1)
    close[:, -1] = day.close  # exactly, so that tomorrow opens where today closed
    open_ = np.concatenate((opened[:, None], close[:, :-1]), axis=1)
    common = (cast.beta[:, None] ** 2 + SECTOR_SIGMA**2) * shared.variance
    sigma = np.sqrt(common + day.sigma[:, None] ** 2 * shares)
    high, low = _reach(rng, close - open_, sigma)
    low += np.exp(_CRASH_SPREAD * rng.normal(size=(size, 1))) * cast.beta[:, None] * shared.wick
    usual = usual_sigma(cast)[:, None] / np.sqrt(BARS)
    wild = _SLOPE[0] * np.log((high + low) / (_BROWNIAN_RANGE * usual)) + _SLOPE[1] * np.log(sigma / usual)
    busy = shared.busy + _OWN_BUSY * day.busyness[:, None] + _BAR_BUSY[1] * rng.normal(size=(size, BARS))
    prices = np.exp(close)
    return Woven(
        open=np.concatenate((np.exp(opened)[:, None], prices[:, :-1]), axis=1),
        high=np.exp(open_ + high),
        low=np.exp(open_ - low),
        close=prices,
        turnover=cast.turnover[:, None] * np.exp(wild + busy),
    )


def usual_sigma(cast: Cast) -> Floats:
    """Return the volatility (n,) of each symbol on a usual day."""
    usual: Floats = np.sqrt((cast.beta**2 + SECTOR_SIGMA**2) * MARKET_SIGMA**2 + cast.sigma**2)
    return usual


def _luck(rng: np.random.Generator) -> Floats:
    """The first that is drawn of a day: of its market and sectors, standard normal."""
    return rng.normal(size=(1 + SECTORS, BARS))


def _shocks(seed: int, number: int, rows: int, *purpose: int) -> Floats:
    """What stirs the clusters of yesterday and today, (memories, rows, 2 × BARS): as both days see it."""
    shape = (len(_MEMORIES), rows, BARS)
    days = [dice(seed, *purpose, day).standard_normal(shape, np.float32) for day in (number, number + 1)]
    return np.concatenate(days, axis=2, dtype=np.float64)


def _clusters(shocks: Floats) -> Floats:
    """Logarithms of volatility today, (rows, BARS); calm and wild stretches last for hours and over midnight."""
    total = np.zeros(shocks.shape[1:])
    for memory, spread, shock in zip(_MEMORIES, _SPREADS, shocks, strict=True):
        left = np.exp(-np.arange(shocks.shape[2]) / memory)
        # Each step is what is left of the one before and a shock; the older terms are the smaller ones, so the sum
        # loses no digits.
        total += spread * np.sqrt(1 - left[1] ** 2) * left * np.cumsum(shock / left, axis=1)
    return total[:, BARS:]


def _ramp(dawn: Floats | float, dusk: Floats | float) -> Floats:
    ramp: Floats = (dusk - dawn) * (np.arange(BARS) / BARS - 0.5)
    return ramp


def _shares(mood: Floats) -> Floats:
    """Shares of the day's variance, (rows, BARS), each row adding up to 1."""
    variance = np.exp(2 * mood)
    shares: Floats = variance / variance.sum(axis=1, keepdims=True)
    return shares


def _bridge(luck: Floats, shares: Floats, sigmas: Floats, totals: Floats) -> Floats:
    """Normal returns of variance shares × sigma², on the condition that each row adds up to its total."""
    free = np.sqrt(shares) * sigmas[:, None] * luck
    bridged: Floats = free + shares * (totals - free.sum(axis=1))[:, None]
    return bridged


def _reach(rng: np.random.Generator, moved: Floats, sigma: Floats) -> tuple[Floats, Floats]:
    """How far above and below its open a candle goes that moved by `moved`, both >= 0.

    The extremes of a Brownian path between two known ends, and now and then a longer wick. Recorded candles are like
    that: wicks are 0.49 of the range (Brownian 0.5), the range 1.96 of |return| (2.0).
    """
    luck = rng.random((2, *moved.shape))
    luck[1] = np.where(rng.random(moved.shape) < _ONE_SIDED, 1 - luck[0], luck[1])
    spread = -2 * sigma**2 * np.log(1 - luck)
    rare = rng.random((2, *moved.shape)) / _LONG_WICK_CHANCE
    long = sigma * _LONG_WICK * np.maximum(0, -np.log(np.maximum(rare, 1e-12)))  # exponential, where it is there
    root = np.sqrt(moved**2 + spread)
    return (root[0] + moved) / 2 + long[0], (root[1] - moved) / 2 + long[1]
