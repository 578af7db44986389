"""Every symbol of a market on one board: the `Market` that both replay and synthetic candles give.

1. Ticks come sorted by time, then symbol, whatever the candles' lengths.
2. The same question has the same answer, in whatever order questions are asked.
3. Played later, whole days, the board is the same board with other dates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

import numpy as np

from libs.common.exchange.market_types import Instrument
from libs.common.units import HOUR_MS, MINUTE_MS, Instant, Price, Qty, Symbol
from services.paper_exchange.core.market.columns import Ints
from services.paper_exchange.core.market.listing import Listing, Window
from services.paper_exchange.core.market.market import Bar, Day, Settlement, Tick, Trade
from services.paper_exchange.core.market.schedule import Funding
from services.paper_exchange.core.market.ticks import Reading, join_ticks
from services.paper_exchange.core.market.trail import Beat

SHEET_MS: Final = {Beat.CANDLE: HOUR_MS, Beat.SECOND: MINUTE_MS}  # how much is put in order at once


@dataclass(frozen=True, slots=True)
class Sheet:
    """The ticks of all symbols in a stretch of time, in order; `row` is a listing's place."""

    at: Ints
    row: Ints
    price: Ints
    mark: Ints
    volume: Ints


class Board:
    """All paths have one beat."""

    def __init__(
        self,
        listings: Sequence[Listing],
        schedules: Mapping[Symbol, Funding],
        *,
        start: Instant,
        end: Instant | None,
    ) -> None:
        self._listings = {listing.symbol: listing for listing in sorted(listings, key=lambda each: each.symbol)}
        self._schedules = schedules
        self._start = start
        self._end = end
        self._ended = max(listing.path.end for listing in listings)
        self._units = [(each.symbol, each.scale.tick, each.scale.quantum) for each in self._listings.values()]
        self._sheet_ms = SHEET_MS[listings[0].path.beat]
        self._sheet = lru_cache(maxsize=2)(self._sheet_of)

    def later(self, by_ms: int, *, start: Instant, end: Instant | None) -> "Board":
        """Return the board `by_ms` later, played from `start` to `end` of the new dates."""
        listings = [listing.later(by_ms) for listing in self._listings.values()]
        schedules = {symbol: schedule.later(by_ms) for symbol, schedule in self._schedules.items()}
        return Board(listings, schedules, start=start, end=end)

    @property
    def start(self) -> Instant:
        return self._start

    @property
    def end(self) -> Instant | None:
        return self._end

    @property
    def first(self) -> Instant:
        """Where the history begins."""
        return min(listing.path.first for listing in self._listings.values())

    @property
    def instruments(self) -> Sequence[Instrument]:
        return tuple(listing.instrument for listing in self._listings.values())

    def path(self, after: Instant, until: Instant) -> Sequence[Tick]:
        """See Market.path. Costs what lies in between: ask for a little at a time."""
        found: list[Tick] = []
        for number in range(after // self._sheet_ms, until // self._sheet_ms + 1):
            sheet = self._sheet(number)
            begin, end = np.searchsorted(sheet.at, (after, until), side="right").tolist()
            found += self._told(sheet, begin, end)
        return found

    def price(self, symbol: Symbol, now: Instant) -> Price | None:
        listing = self._listings.get(symbol)
        return listing.price(now) if listing else None

    def mark(self, symbol: Symbol, now: Instant) -> Price | None:
        listing = self._listings.get(symbol)
        return listing.mark(now) if listing else None

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
        return listing.bars(Reading.LAST, Window(interval_ms, start, end, limit), now) if listing else ()

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
        listing = self._listings.get(symbol)
        return listing.bars(Reading.MARK, Window(interval_ms, start, end, limit), now) if listing else ()

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
        listing = self._listings.get(symbol)
        return listing.bars(Reading.PREMIUM, Window(interval_ms, start, end, limit), now) if listing else ()

    def trades(self, symbol: Symbol, *, after: Instant | None, now: Instant, limit: int) -> Sequence[Trade]:
        listing = self._listings.get(symbol)
        return listing.trades(after, now, limit) if listing else ()

    def delisting(self, symbol: Symbol) -> Instant | None:
        ends = self._listings[symbol].path.end
        return ends if ends < self._ended else None

    def settlements(self, after: Instant, until: Instant, of: Symbol | None = None) -> Sequence[Settlement]:
        """See Market.settlements; a delisted symbol has none any more."""
        return sorted(
            (
                Settlement(at, symbol, rate)
                for symbol, schedule in self._schedules.items()
                if of in {None, symbol}
                for at, rate in schedule.between(after, min(until, self._listings[symbol].path.end))
            ),
            key=lambda settlement: (settlement.at, settlement.symbol),
        )

    def funding_rate(self, symbol: Symbol, now: Instant) -> Decimal:
        return self._schedules[symbol].rate(now)

    def next_settlement(self, symbol: Symbol, now: Instant) -> Instant:
        return self._schedules[symbol].next(now)

    def day(self, symbol: Symbol, now: Instant) -> Day | None:
        listing = self._listings.get(symbol)
        return listing.day(now) if listing else None

    def _told(self, sheet: Sheet, begin: int, end: int) -> list[Tick]:
        columns = (
            column[begin:end].tolist() for column in (sheet.at, sheet.row, sheet.price, sheet.mark, sheet.volume)
        )
        found: list[Tick] = []
        for at, row, price, mark, volume in zip(*columns, strict=True):
            symbol, tick, quantum = self._units[row]
            found.append(Tick(at, symbol, Price(price * tick), Price(mark * tick), Qty(volume * quantum)))
        return found

    def _sheet_of(self, number: int) -> Sheet:
        """The ticks of one stretch: of each symbol in order, so a stable sort by time keeps the symbols in order."""
        begin = number * self._sheet_ms
        parts = [each.path.ticks(begin - 1, begin + self._sheet_ms - 1) for each in self._listings.values()]
        ticks = join_ticks(parts)
        rows = np.repeat(np.arange(len(parts), dtype=np.int64), [len(part) for part in parts])
        order = np.argsort(ticks.at, kind="stable")
        return Sheet(*(column[order] for column in (ticks.at, rows, ticks.price, ticks.mark, ticks.volume)))
