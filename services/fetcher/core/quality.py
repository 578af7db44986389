"""What is wrong with a price or a candle by itself: it cannot be, or is not on the tick of its contract."""

from decimal import Decimal, InvalidOperation
from typing import Final

from libs.common.contracts.bounds import LEAST, MOST
from libs.common.exchange.market_types import Candle
from libs.common.units import ZERO, Instant, Price

_MOST: Final = Decimal(MOST)  # compared with a Decimal in half the time


def is_possible(price: Price) -> bool:
    """Whether a message can tell this price: above zero, finite, and within the bounds of every reader."""
    return price.is_finite() and LEAST <= price < MOST


def misplaced(candle: Candle, now: Instant) -> str | None:
    """Return why no candle that is told as closed at market time `now` can have this place in its series, or None.

    The venue's frames may be dated a little before the end of their candle, never by half of it.
    """
    if candle.open_at % candle.timeframe.ms:
        return "it does not open where its timeframe begins"
    if candle.open_at + candle.timeframe.ms // 2 > now:
        return "it is told long before it can have closed"
    return None


def fault(candle: Candle) -> str | None:
    """Return what is impossible about a candle, or None."""
    if _can_be(candle):
        return None
    opened, high, low, close = candle.open, candle.high, candle.low, candle.close
    if not all(map(is_possible, (opened, high, low, close))):
        return "a price is not above zero, or beyond all bounds"
    if low > high:
        return "its low is above its high"
    if not low <= min(opened, close) <= max(opened, close) <= high:
        return "it opens or closes outside its range"
    return "its volume is negative, or beyond all bounds"


def _can_be(candle: Candle) -> bool:
    low, high = candle.low, candle.high
    try:
        return (
            LEAST <= low <= candle.open <= high < _MOST
            and low <= candle.close <= high
            and ZERO <= candle.volume < _MOST
            and ZERO <= candle.turnover < _MOST
        )
    except InvalidOperation:  # something is no number
        return False


def off_tick(candle: Candle, tick: Price) -> str | None:
    """Return which price is no multiple of `tick`, or None; a contract's tick may be changed by the venue."""
    named = ("open", candle.open), ("high", candle.high), ("low", candle.low), ("close", candle.close)
    for name, price in named:
        if price % tick:
            return f"its {name} of {price} is not on the tick of {tick}"
    return None
