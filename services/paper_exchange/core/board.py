"""Every symbol of a market on one board: the `Market` that both replay and synthetic candles give.

1. Ticks come sorted by time, then symbol, whatever the candles' lengths.
2. The same question has the same answer, in whatever order questions are asked.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.units import ZERO, Instant, Price, Qty, Symbol
from services.paper_exchange.core.listing import Listing
from services.paper_exchange.core.market import Bar, Day, Settlement, Tick, Trade
from services.paper_exchange.core.schedule import Schedule

KEPT_SHEETS: Final = 4


class Board:
    def __init__(
        self,
        listings: Sequence[Listing],
        schedules: Mapping[Symbol, Schedule],
        *,
        start: Instant,
        end: Instant | None,
    ) -> None:
        self._listings = {listing.symbol: listing for listing in sorted(listings, key=lambda each: each.symbol)}
        self._schedules = schedules
        self._start = start
        self._end = end
        # Every candle's length divides the longest, so each candle lies in one sheet.
        self._sheet_ms = max(listing.tape.interval_ms for listing in listings)
        self._sheet = lru_cache(maxsize=KEPT_SHEETS)(self._sheet_of)

    @property
    def start(self) -> Instant:
        return self._start

    @property
    def end(self) -> Instant | None:
        return self._end

    @property
    def instruments(self) -> Sequence[Instrument]:
        return tuple(listing.instrument for listing in self._listings.values())

    def path(self, after: Instant, until: Instant) -> Sequence[Tick]:
        """See Market.path. Costs what lies in between: ask for a little at a time."""
        found: list[Tick] = []
        for number in range(after // self._sheet_ms, until // self._sheet_ms + 1):
            moments, ticks = self._sheet(number)
            found.extend(ticks[bisect_right(moments, after) : bisect_right(moments, until)])
        return found

    def price(self, symbol: Symbol, now: Instant) -> Price | None:
        listing = self._listings.get(symbol)
        return listing.price(now) if listing else None

    def mark(self, symbol: Symbol, now: Instant) -> Price | None:
        return self.price(symbol, now)

    def bars(
        self,
        symbol: Symbol,
        interval_ms: int,
        *,
        start: Instant | None,
        end: Instant | None,
        limit: int,
        now: Instant,
    ) -> Sequence[Bar]:
        listing = self._listings.get(symbol)
        return listing.bars(interval_ms, start=start, end=end, limit=limit, now=now) if listing else ()

    def marks(
        self,
        symbol: Symbol,
        interval_ms: int,
        *,
        start: Instant | None,
        end: Instant | None,
        limit: int,
        now: Instant,
    ) -> Sequence[Bar]:
        bars = self.bars(symbol, interval_ms, start=start, end=end, limit=limit, now=now)
        return [replace(bar, volume=Qty(ZERO), turnover=ZERO) for bar in bars]

    def premiums(
        self,
        symbol: Symbol,
        interval_ms: int,
        *,
        start: Instant | None,
        end: Instant | None,
        limit: int,
        now: Instant,
    ) -> Sequence[Bar]:
        zero = Price(ZERO)
        marks = self.marks(symbol, interval_ms, start=start, end=end, limit=limit, now=now)
        return [replace(bar, open=zero, high=zero, low=zero, close=zero) for bar in marks]

    def trades(self, symbol: Symbol, *, after: Instant | None, now: Instant, limit: int) -> Sequence[Trade]:
        listing = self._listings.get(symbol)
        return listing.trades(after, now, limit) if listing else ()

    def settlements(self, after: Instant, until: Instant) -> Sequence[Settlement]:
        return sorted(
            (
                Settlement(at, symbol, rate)
                for symbol, schedule in self._schedules.items()
                for at, rate in schedule.between(after, until)
            ),
            key=lambda settlement: (settlement.at, settlement.symbol),
        )

    def funding_rate(self, symbol: Symbol, now: Instant) -> Decimal:
        return self._schedules[symbol].rate(now)

    def day(self, symbol: Symbol, now: Instant) -> Day | None:
        listing = self._listings.get(symbol)
        return listing.day(now) if listing else None

    def _sheet_of(self, number: int) -> tuple[Sequence[Instant], Sequence[Tick]]:
        begin = number * self._sheet_ms
        ticks = sorted(
            (tick for listing in self._listings.values() for tick in listing.ticks(begin, begin + self._sheet_ms)),
            key=lambda tick: (tick.at, tick.symbol),
        )
        return [tick.at for tick in ticks], ticks
