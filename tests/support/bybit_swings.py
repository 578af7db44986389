"""A recorded market that swings like a pendulum, so that every price is reached, soon and known beforehand.

BTCUSDT starts at 100,000, rises for an hour, falls for two and rises again to where it was: 30 USDT a minute,
1,800 up and down. ETHUSDT does the opposite between 3,900 and 4,100 or so. Two days of it lie before the start.
"""

from pathlib import Path
from typing import Final

from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant
from tests.support.panels import MADE_FIRST, write_candles, write_funding

SWINGS_START: Final = Instant(MADE_FIRST + 3 * DAY_MS)
SWINGS_DAYS: Final = 24
PERIOD_MS: Final = 4 * HOUR_MS
FUNDING_RATE: Final = 0.0001
_QUARTER: Final = 60  # minutes

Candle = tuple[float, float, float, float, float]


def write_swings(directory: Path) -> Path:
    """Write the panel of 1m candles and funding; returns where it is."""
    directory.mkdir(parents=True)
    minutes = SWINGS_DAYS * DAY_MS // MINUTE_MS
    for symbol, middle, step, wick, volume in (
        ("BTCUSDT", 100_000.0, 30.0, 2.5, 5.0),
        ("ETHUSDT", 4_000.0, -1.5, 0.25, 90.0),
    ):
        rows = [_candle(minute, middle, step, wick, volume) for minute in range(minutes)]
        write_candles(directory / f"{symbol}-1m.parquet", MADE_FIRST, MINUTE_MS, rows)
        settled = [MADE_FIRST + number * 8 * HOUR_MS for number in range(1, SWINGS_DAYS * 3)]
        write_funding(directory / f"{symbol}-funding.parquet", [(at, FUNDING_RATE) for at in settled])
    return directory


def until_a_rise(now: Instant) -> int:
    """Market time until BTCUSDT is at 100,000 and rises for an hour; a whole period if it does just now."""
    return PERIOD_MS - (now - SWINGS_START) % PERIOD_MS


def _candle(minute: int, middle: float, step: float, wick: float, volume: float) -> Candle:
    open_, close = (middle + step * _place(moment) for moment in (minute, minute + 1))
    high, low = max(open_, close) + wick, min(open_, close) - wick * 0.96  # uneven, so that the tick shows
    return round(open_, 2), round(high, 2), round(low, 2), round(close, 2), volume


def _place(minute: int) -> int:
    """How many steps above the middle the pendulum is."""
    within = minute % (4 * _QUARTER)
    if within <= _QUARTER:
        return within
    return 2 * _QUARTER - within if within <= 3 * _QUARTER else within - 4 * _QUARTER
