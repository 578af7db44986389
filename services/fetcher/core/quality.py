"""Candles that cannot be: they are kept from everybody and asked for again."""

from libs.common.exchange.market_types import Candle


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
