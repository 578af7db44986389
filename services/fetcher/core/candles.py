"""Which candles may be told at all: closed ones. A REST candle is if a later one exists or its time is over in the
market.
"""

from collections.abc import Sequence

from libs.common.contracts.market import CandleMissing
from libs.common.contracts.message import message_id
from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Symbol, Timeframe


def newest_closed(timeframe: Timeframe, now: Instant) -> Instant:
    """Return the open time of the newest candle whose time is over at market time `now`."""
    return Instant(now - now % timeframe.ms - timeframe.ms)


def closed_of(candles: Sequence[Candle], now: Instant) -> Sequence[Candle]:
    """Return those of a REST answer (oldest first) that are closed at market time `now`."""
    if not candles:
        return ()
    *earlier, last = candles
    return (*earlier, last) if last.open_at + last.timeframe.ms <= now else earlier


def missing(symbol: Symbol, timeframe: Timeframe, open_at: Instant, reason: str) -> CandleMissing:
    """The message for a candle that cannot be had."""
    name = message_id(CandleMissing, symbol, timeframe, str(open_at))
    close_at = Instant(open_at + timeframe.ms)
    return CandleMissing(
        id=name,
        cause="",
        trace=name,
        at=close_at,
        symbol=symbol,
        timeframe=timeframe,
        open_at=open_at,
        close_at=close_at,
        reason=reason,
    )
