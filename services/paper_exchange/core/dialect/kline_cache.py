"""Closed candles as the venue writes them, kept ready: they never change again.

1. What is kept is only what was shown: the same question without the cache has the same answer.
2. At most `MOST_KEPT` rows a series are kept, and `MOST_IN_ALL` of all: those series go first that were asked for least
   lately.
"""

from bisect import bisect_left
from collections import OrderedDict
from typing import Final

from libs.common.units import Instant, Symbol
from services.paper_exchange.core.dialect.shown import kline_json
from services.paper_exchange.core.market.columns import bar_number, bar_open
from services.paper_exchange.core.market.market import Market

MOST_KEPT: Final = 1_100  # what may be asked for at once, and a little, so that nothing is read again at every candle
MOST_IN_ALL: Final = 500_000  # about 80 MB


class KlineCache:
    """Rows as JSON bytes, newest first."""

    def __init__(self, market: Market, *, most: int = MOST_IN_ALL) -> None:
        self._market, self._most = market, most
        self._series: OrderedDict[tuple[Symbol, int], tuple[Instant, list[bytes]]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """How many rows are kept."""
        return self._count

    def rows(
        self, symbol: Symbol, interval_ms: int, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> list[bytes]:
        """See Market.bars."""
        since = 0 if start is None else bar_number(now, interval_ms) - bar_number(start, interval_ms)  # closed bars
        if end is not None or since < 0 or max(since, limit) > MOST_KEPT:
            return self._direct(symbol, interval_ms, start=start, end=end, limit=limit, now=now)
        closed = self._closed(symbol, interval_ms, since or limit, now)
        forming = [
            kline_json(bar)
            for bar in self._market.bars(symbol, interval_ms, start=None, end=None, limit=1, now=now)
            if not bar.closed
        ]
        if start is None:
            return (forming + closed[: -limit - 1 : -1])[:limit]
        every = closed + forming
        first = bisect_left(every, start, key=_open_at)
        return every[first : first + limit][::-1]

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
        self._keep((symbol, interval_ms), until, kept)
        return kept

    def _keep(self, series: tuple[Symbol, int], until: Instant, rows: list[bytes]) -> None:
        _, before = self._series.pop(series, (until, []))
        self._series[series] = until, rows
        self._count += len(rows) - len(before)
        while self._count > self._most and len(self._series) > 1:
            _, (_, oldest) = self._series.popitem(last=False)
            self._count -= len(oldest)

    def _direct(
        self, symbol: Symbol, interval_ms: int, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> list[bytes]:
        bars = self._market.bars(symbol, interval_ms, start=start, end=end, limit=limit, now=now)
        return [kline_json(bar) for bar in reversed(bars)]


def _open_at(row: bytes) -> Instant:
    return Instant(int(row[2 : row.index(b'"', 2)]))
