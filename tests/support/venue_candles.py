"""Candles of a venue, made by counting."""

from decimal import Decimal
from typing import Any, Final

from libs.common.contracts.market import CandleClosed, ClosedBar
from libs.common.contracts.message import message_id
from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Price, Qty, Symbol, Timeframe, Usd

BTC: Final = Symbol("BTCUSDT")
MORNING: Final = Instant(1_757_894_400_000)  # 2025-09-15T00:00:00Z


def venue_candle(n: int, *, symbol: Symbol = BTC, timeframe: Timeframe = Timeframe.M15, **changes: Any) -> Candle:
    """The `n`th candle of a series: it opens at MORNING + n × timeframe, and its prices tell which one it is."""
    price = Decimal(1_000 + abs((n + 900) % 1_800 - 900))  # without a leap anywhere
    candle = Candle(
        symbol=symbol,
        timeframe=timeframe,
        open_at=Instant(MORNING + n * timeframe.ms),
        open=Price(price),
        high=Price(price + 2),
        low=Price(price - 1),
        close=Price(price + 1),
        volume=Qty(Decimal(10)),
        turnover=Usd(Decimal(10) * price),
        closed=None,
    )
    return candle._replace(**changes)


def as_message(candle: ClosedBar) -> CandleClosed:
    """The message of a closed candle; it is the head of its own story."""
    name = message_id(CandleClosed, candle.symbol, candle.timeframe, str(candle.open_at))
    close_at = Instant(candle.open_at + candle.timeframe.ms)
    return CandleClosed(
        id=name,
        cause="",
        trace=name,
        at=close_at,
        symbol=candle.symbol,
        timeframe=candle.timeframe,
        open_at=candle.open_at,
        close_at=close_at,
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=candle.volume,
        turnover=candle.turnover,
    )


def closes_at(n: int, timeframe: Timeframe = Timeframe.M15) -> Instant:
    """The first instant after the `n`th candle."""
    return Instant(MORNING + (n + 1) * timeframe.ms)
