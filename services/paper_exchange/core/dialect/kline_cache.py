"""Closed candles as the venue writes them, kept ready: they never change again.

1. What is kept is only what was shown: the same question without the cache has the same answer.
2. At most `MOST_KEPT` rows a series are kept.
"""

from typing import Final

import orjson

from libs.common.units import Instant, Symbol
from services.paper_exchange.core.dialect.shown import kline_row
from services.paper_exchange.core.market.columns import bar_number, bar_open
from services.paper_exchange.core.market.market import Market

MOST_KEPT: Final = 1_500


class KlineCache:
    """Rows as JSON bytes, newest first."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._series: dict[tuple[Symbol, int], tuple[Instant, list[bytes]]] = {}

    def rows(
        self, symbol: Symbol, interval_ms: int, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> list[bytes]:
        """See Market.bars."""
        if start is not None or end is not None or limit > MOST_KEPT:
            return self._direct(symbol, interval_ms, start=start, end=end, limit=limit, now=now)
        closed = self._closed(symbol, interval_ms, limit, now)
        forming = [
            orjson.dumps(kline_row(bar))
            for bar in self._market.bars(symbol, interval_ms, start=None, end=None, limit=1, now=now)
            if not bar.closed
        ]
        return (forming + closed[: -limit - 1 : -1])[:limit]

    def _closed(self, symbol: Symbol, interval_ms: int, limit: int, now: Instant) -> list[bytes]:
        """At least `limit` closed rows where there are so many, oldest first, up to `now`."""
        until = bar_open(now, interval_ms)
        last, kept = self._series.get((symbol, interval_ms), (Instant(-1), []))
        missing = bar_number(until, interval_ms) - bar_number(last, interval_ms)
        if last < 0 or missing < 0 or missing > MOST_KEPT - limit or len(kept) < limit:
            kept = self._direct(symbol, interval_ms, start=None, end=Instant(until - 1), limit=limit, now=now)[::-1]
        elif missing:
            fresh = self._direct(symbol, interval_ms, start=last, end=Instant(until - 1), limit=missing, now=now)
            kept = (kept + fresh[::-1])[-MOST_KEPT:]
        self._series[symbol, interval_ms] = until, kept
        return kept

    def _direct(
        self, symbol: Symbol, interval_ms: int, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> list[bytes]:
        bars = self._market.bars(symbol, interval_ms, start=start, end=end, limit=limit, now=now)
        return [orjson.dumps(kline_row(bar)) for bar in reversed(bars)]
