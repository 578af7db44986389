"""The five-minute candles inside an invented day: they add up to what the day did as a whole.

1. The last close of a day is the day's close, and a candle opens where the one before closed.
2. Volatility comes in clusters, volume follows it, and some wicks are long.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.paper_exchange.core.climate import BARS, SECTORS, Cast, CommonDay, Floats, GroupDay, dice

_SHARED_BARS, _OWN_BARS = 3, 4  # what a stream of dice is for


@dataclass(frozen=True, slots=True)
class SharedBars:
    """Logarithmic returns of five minutes: market (BARS,) and sectors (SECTORS, BARS)."""

    market: Floats
    sectors: Floats


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
    clusters = _clusters(rng, 1 + SECTORS)
    totals = np.concatenate(([day.market], day.sectors))
    sigmas = np.concatenate(([day.sigma], np.full(SECTORS, 0.5 * day.sigma)))
    returns = _bridge(rng, clusters, sigmas, totals)
    returns[0, day.jump_bar] += day.jump
    return SharedBars(returns[0], returns[1:])


def weave(seed: int, number: int, cast: Cast, shared: SharedBars, day: GroupDay, opened: Floats) -> Woven:
    """Return a group's candles of day `number`; `opened` (n,) is the logarithm of the price before."""
    size = len(cast.anchor)
    rng = dice(seed, _OWN_BARS, cast.number, number)
    own = _bridge(rng, _clusters(rng, size), day.sigma, day.own + day.pull)
    own[np.arange(size), day.jump_bar] += day.jump
    returns = cast.beta[:, None] * shared.market + shared.sectors[cast.sector] + own
    close = opened[:, None] + np.cumsum(returns, axis=1)
    close[:, -1] = day.close  # exactly, so that tomorrow opens where today closed
    open_ = np.concatenate((opened[:, None], close[:, :-1]), axis=1)
    usual = day.sigma[:, None] / np.sqrt(BARS)
    reach = usual * np.where(rng.random((2, size, BARS)) < 0.01, 3.0, 0.5) * rng.exponential(size=(2, size, BARS))
    return Woven(
        open=np.exp(open_),
        high=np.exp(np.maximum(open_, close) + reach[0]),
        low=np.exp(np.minimum(open_, close) - reach[1]),
        close=np.exp(close),
        turnover=_turnover(rng, cast, np.abs(close - open_) / usual),
    )


def _clusters(rng: np.random.Generator, rows: int) -> Floats:
    """Shares of the day's variance, (rows, BARS), each row adding up to 1; calm and wild stretches last for hours."""
    shocks = 0.12 * rng.normal(size=(BARS, rows))
    level = np.empty((BARS, rows))
    current = 0.6 * rng.normal(size=rows)
    for bar in range(BARS):
        current = 0.98 * current + shocks[bar]
        level[bar] = current
    variance: NDArray[np.float64] = np.exp(2 * level).T
    shares: Floats = variance / variance.sum(axis=1, keepdims=True)
    return shares


def _bridge(rng: np.random.Generator, shares: Floats, sigmas: Floats, totals: Floats) -> Floats:
    """Normal returns of variance shares × sigma², drawn on the condition that each row adds up to its total."""
    free = np.sqrt(shares) * sigmas[:, None] * rng.normal(size=shares.shape)
    bridged: Floats = free + shares * (totals - free.sum(axis=1))[:, None]
    return bridged


def _turnover(rng: np.random.Generator, cast: Cast, moved: Floats) -> Floats:
    """USDT a candle: smaller symbols (with more of their own noise) trade less; large moves trade more."""
    usual = 400.0 / cast.sigma[:, None] ** 2
    noise: Floats = np.exp(0.4 * rng.normal(size=moved.shape))
    return usual * (0.4 + moved) * noise
