"""What happened while nobody listened: ticks made of candles, where the trades themselves are not to be had.

1. Every tick lies within its candle and after the gap began; highest and lowest of what was missed are among them.
2. A stretch that is too long for minutes is walked in coarser candles.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Price, Qty
from services.paper_exchange.core.market.market import Bar

STEPS: Final = (MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, DAY_MS)
MOST_STEPS: Final = 999  # one less than the venue gives at once: the first one began before the gap
_TURNS: Final = range(4)  # of a candle's walk


class Missed(NamedTuple):
    at: Instant
    price: Price
    mark: Price
    volume: Qty


class Leg(NamedTuple):
    """A candle of the last price and the one of the mark price beside it."""

    last: Bar
    mark: Bar


def step_for(gap_ms: int) -> int:
    """Return the finest length of candles that bridges a gap in one answer of the venue."""
    return next((step for step in STEPS if gap_ms <= MOST_STEPS * step), DAY_MS)


def walk(legs: Sequence[Leg], step_ms: int, *, since: Instant, until: Instant, seen: Bar | None) -> Iterator[Missed]:
    """Yield the ticks in (since, until) of candles of `step_ms`, oldest first.

    seen: the minute that formed when the gap began; extremes that it had already are not walked again.
    """
    for bar, mark in legs:
        begin = max(bar.open_at, since)
        room = min(bar.open_at + step_ms, until) - begin
        if room < len(_TURNS):
            continue
        lasts = _stops(bar, seen if seen is not None and seen.open_at == bar.open_at else None)
        share = Qty(bar.volume / len(_TURNS))
        for turn, last, marked in zip(_TURNS, lasts, _stops(mark, None), strict=True):
            yield Missed(Instant(begin + 1 + (room - 2) * turn // 3), last, marked, share)


def _stops(bar: Bar, seen: Bar | None) -> tuple[Price, Price, Price, Price]:
    """Open, the extreme away from the close, the other, close."""
    start, high, low = bar.open, bar.high, bar.low
    if seen is not None:
        start = seen.close
        high = high if high > seen.high else max(start, bar.close)
        low = low if low < seen.low else min(start, bar.close)
    return (start, low, high, bar.close) if bar.close >= start else (start, high, low, bar.close)
