"""Made candles: a seeded random walk, and messages of it."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from libs.common.contracts.market import CandleClosed, CandleMissing
from libs.common.contracts.message import message_id
from libs.common.units import Instant, Price, Qty, Symbol, Timeframe, Usd

BEGINNING = Instant(1_757_894_400_000)  # 2025-09-15T00:00:00Z


def walk(n: int, *, seed: int = 1, step_ms: int = Timeframe.M15.ms, start: int = BEGINNING) -> NDArray[np.float64]:
    """`n` bars (open_at, open, high, low, close, volume) of a driftless walk that begins at 100."""
    dice = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(dice.normal(0, 0.004, n)))
    opened = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(opened, close) * (1 + np.abs(dice.normal(0, 0.002, n)))
    low = np.minimum(opened, close) * (1 - np.abs(dice.normal(0, 0.002, n)))
    return np.column_stack([start + np.arange(n) * step_ms, opened, high, low, close, dice.lognormal(5, 1, n)])


def candle(
    symbol: str, timeframe: Timeframe, open_at: int, prices: Sequence[float] = (100, 101, 99, 100), volume: float = 5
) -> CandleClosed:
    """One closed candle as the fetcher publishes it; prices are open, high, low, close."""
    opened, high, low, close = (Price(Decimal(f"{price:.6f}")) for price in prices)
    name = message_id(CandleClosed, symbol, timeframe, str(open_at))
    close_at = Instant(open_at + timeframe.ms)
    return CandleClosed(
        id=name,
        cause="",
        trace=name,
        at=close_at,
        symbol=Symbol(symbol),
        timeframe=timeframe,
        open_at=Instant(open_at),
        close_at=close_at,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=Qty(Decimal(f"{volume:.6f}")),
        turnover=Usd(close * Decimal(f"{volume:.6f}")),
    )


def candles(symbol: str, timeframe: Timeframe, bars: NDArray[np.float64]) -> list[CandleClosed]:
    """The bars (n, 6) as closed candles."""
    return [candle(symbol, timeframe, int(bar[0]), [float(x) for x in bar[1:5]], float(bar[5])) for bar in bars]


def missing(symbol: str, timeframe: Timeframe, open_at: int) -> CandleMissing:
    """A candle that the venue never gave."""
    name = message_id(CandleMissing, symbol, timeframe, str(open_at))
    close_at = Instant(open_at + timeframe.ms)
    return CandleMissing(
        id=name,
        cause="",
        trace=name,
        at=close_at,
        symbol=Symbol(symbol),
        timeframe=timeframe,
        open_at=Instant(open_at),
        close_at=close_at,
        reason="asked five times",
    )
