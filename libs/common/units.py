"""Numbers with a meaning: a price is not a quantity, and neither is a float."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Final, NewType

Price = NewType("Price", Decimal)  # quote currency per base unit
Qty = NewType("Qty", Decimal)  # base units, never negative; Side carries the sign
Usd = NewType("Usd", Decimal)  # quote currency (USDT), signed
Fraction = NewType("Fraction", Decimal)  # 0.01 means one per cent
Instant = NewType("Instant", int)  # UTC, milliseconds since the epoch
Symbol = NewType("Symbol", str)  # the venue's id, such as BTCUSDT

ZERO: Final = Decimal(0)
SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


class Side(StrEnum):
    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        """+1 for long, -1 for short: profit is sign × price change × quantity."""
        return 1 if self is Side.LONG else -1

    @property
    def opposite(self) -> "Side":
        return Side.SHORT if self is Side.LONG else Side.LONG


_TIMEFRAME_MS: Final = {
    "1m": MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
}


class Timeframe(StrEnum):
    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"

    def __init__(self, name: str) -> None:
        self.ms: Final = _TIMEFRAME_MS[name]  # length of one candle


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` not above `value`; step > 0."""
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of `step` not below `value`; step > 0."""
    return (value / step).to_integral_value(ROUND_CEILING) * step
