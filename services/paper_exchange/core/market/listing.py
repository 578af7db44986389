"""One symbol of a market: where its price is now, and what its bars and trades look like from here.

1. Nothing after `now` enters an answer: the forming bar is made of the ticks so far.
2. What is kept between questions is only a cache of what would be computed again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Price, Symbol
from services.paper_exchange.core.market.columns import bar_close, bar_number, bar_open, bar_start, group, join
from services.paper_exchange.core.market.forming import Forming
from services.paper_exchange.core.market.market import Bar, Day, Trade
from services.paper_exchange.core.market.path import Path
from services.paper_exchange.core.market.tape import PREMIUM_SCALE, Scale
from services.paper_exchange.core.market.ticks import Reading, Ticks
from services.paper_exchange.core.market.told import ToldVolumes

QUARTER_MS: Final = 15 * MINUTE_MS  # how far apart the moments are that a day and an hour are counted back from


class Window(NamedTuple):
    """Which bars are asked for: see Market.bars."""

    interval_ms: int
    start: Instant | None
    end: Instant | None
    limit: int


class Listing:
    """told: by interval, the volumes of recorded candles that are shown as they were recorded."""

    def __init__(
        self, instrument: Instrument, path: Path, scale: Scale, told: Mapping[int, ToldVolumes] | None = None
    ) -> None:
        self.instrument = instrument
        self.path = path
        self.scale = scale
        self._told = told or {}
        self._forming = Forming(path)

    @property
    def symbol(self) -> Symbol:
        return self.instrument.symbol

    def later(self, by_ms: int) -> "Listing":
        """The same listing, `by_ms` later."""
        instrument = replace(self.instrument, launched=Instant(self.instrument.launched + by_ms))
        told = {interval_ms: volumes.later(by_ms) for interval_ms, volumes in self._told.items()}
        return Listing(instrument, self.path.later(by_ms), self.scale, told)

    def price(self, now: Instant) -> Price | None:
        """The newest tick at or before `now`; None before the first."""
        newest = self._forming.newest(now)
        return None if newest is None else self.scale.price(newest.price)

    def mark(self, now: Instant) -> Price | None:
        newest = self._forming.newest(now)
        return None if newest is None else self.scale.price(newest.mark)

    def bars(self, reading: Reading, window: Window, now: Instant) -> Sequence[Bar]:
        """See Market.bars, marks and premiums."""
        span = self._span(window, now)
        if span is None:
            return ()
        interval, scale = window.interval_ms, PREMIUM_SCALE if reading is Reading.PREMIUM else self.scale
        begin, end = span
        forming = bar_open(now, interval)
        closed = [_bar(row, scale, interval, now) for row in self._closed(reading, interval, begin, min(end, forming))]
        told = self._told.get(interval) if reading is Reading.LAST else None
        found = [*(told.shown(closed) if told else closed)]
        if begin <= forming < end:
            traded = self._forming.since(reading, interval, forming, now)
            found += [] if traded is None else [_bar((forming, *traded), scale, interval, now)]
        return tuple(found)

    def day(self, now: Instant) -> Day | None:
        """See Market.day."""
        quarter = bar_open(min(now, self.path.end), QUARTER_MS)
        before = self._forming.total(Reading.LAST, QUARTER_MS, quarter - DAY_MS, quarter)
        hour = self._forming.total(Reading.LAST, QUARTER_MS, quarter - HOUR_MS, quarter)
        since = self._forming.since(Reading.LAST, QUARTER_MS, quarter, now)
        parts = [part for part in (before, since) if part is not None]
        if not parts:
            return None
        return Day(
            open=self.scale.price(parts[0].open),
            hour_open=self.scale.price(parts[0].open if hour is None else hour.open),
            high=self.scale.price(max(part.high for part in parts)),
            low=self.scale.price(min(part.low for part in parts)),
            volume=self.scale.qty(sum(part.volume for part in parts)),
            turnover=self.scale.turnover(sum(part.turnover for part in parts)),
        )

    def trades(self, after: Instant | None, now: Instant, limit: int) -> Sequence[Trade]:
        """See Market.trades."""
        if limit < 1:
            return ()
        span, until = limit * MINUTE_MS, min(now, self.path.end)
        begin = until - span if after is None else max(after, until - span)
        found = _traded(self.path.ticks(begin, until))
        while len(found) < limit and begin > (self.path.first if after is None else max(after, self.path.first)):
            span *= 2
            begin = until - span if after is None else max(after, until - span)
            found = _traded(self.path.ticks(begin, until))
        newest = found.slice(max(0, len(found) - limit), len(found))
        return [self._trade(*row) for row in zip(*(column.tolist() for column in newest.all), strict=True)]

    def _trade(self, at: int, number: int, price: int, mark: int, volume: int) -> Trade:
        """Who took is seen from where the price goes: buyers lift it over the mark."""
        digest = blake2b(f"{self.symbol}|trade|{number}".encode(), digest_size=16).digest()
        buys = price > mark or (price == mark and digest[0] % 2 == 1)
        return Trade(
            Instant(at),
            self.symbol,
            self.scale.price(price),
            self.scale.qty(volume),
            Action.BUY if buys else Action.SELL,
            number,
            str(UUID(bytes=digest)),
        )

    def _span(self, window: Window, now: Instant) -> tuple[Instant, Instant] | None:
        """Where the first bar of a window opens and the last one closes; None if there is none."""
        interval = window.interval_ms
        begun = min(now, self.path.end) - 1  # a bar begins with its first tick, a millisecond after its opening time
        last = begun if window.end is None else min(begun, window.end)
        if interval % MINUTE_MS or window.limit < 1 or last < self.path.first:
            return None
        newest, oldest = bar_number(last, interval), bar_number(self.path.first, interval)
        if window.start is None:
            first = max(oldest, newest - window.limit + 1)
        elif window.start > last:
            return None
        else:
            asked = bar_number(max(window.start, self.path.first), interval)
            first = asked if bar_start(asked, interval) >= window.start else asked + 1
            newest = min(newest, first + window.limit - 1)
        return (bar_start(first, interval), bar_start(newest + 1, interval)) if first <= newest else None

    def _closed(self, reading: Reading, interval_ms: int, begin: Instant, end: Instant) -> Iterator[tuple[int, ...]]:
        """Yield opening times, prices, volumes and turnovers of the bars that open and close in [begin, end)."""
        pieces = list(self.path.pieces(reading, interval_ms, begin, end))
        fine = join([piece[1] for piece in pieces])
        if len(fine):
            opens, bars = group(fine, np.concatenate([piece[0] for piece in pieces]), interval_ms)
            yield from zip(opens.tolist(), *(column.tolist() for column in bars.all), strict=True)


def _traded(ticks: Ticks) -> Ticks:
    """Only the ticks at which something changed hands."""
    traded = ticks.volume > 0
    return Ticks(*(column[traded] for column in ticks.all))


def _bar(row: tuple[int, ...], scale: Scale, interval_ms: int, now: Instant) -> Bar:
    opened, open_, high, low, close, volume, turnover = row
    price = scale.price
    return Bar(
        open_at=Instant(opened),
        open=price(open_),
        high=price(high),
        low=price(low),
        close=price(close),
        volume=scale.qty(volume),
        turnover=scale.turnover(turnover),
        closed=bar_close(opened, interval_ms) <= now,
    )
