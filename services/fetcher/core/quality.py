"""What is wrong with a candle by itself: that it cannot be, or that it is not on the tick of its contract."""

from libs.common.exchange.market_types import Candle
from libs.common.units import Price


def fault(candle: Candle) -> str | None:
    """Return what is impossible about a candle, or None."""
    if candle.open_at % candle.timeframe.ms:
        return "it does not open where its timeframe begins"
    if min(candle.open, candle.high, candle.low, candle.close) <= 0:
        return "a price is not above zero"
    if candle.low > candle.high:
        return "its low is above its high"
    if not (candle.low <= candle.open <= candle.high and candle.low <= candle.close <= candle.high):
        return "it opens or closes outside its range"
    if candle.volume < 0 or candle.turnover < 0:
        return "its volume is negative"
    return None


def off_tick(candle: Candle, tick: Price) -> str | None:
    """Return which price is no multiple of `tick`, or None; a contract's tick may be changed by the venue."""
    for name in ("open", "high", "low", "close"):
        if getattr(candle, name) % tick:
            return f"its {name} of {getattr(candle, name)} is not on the tick of {tick}"
    return None
