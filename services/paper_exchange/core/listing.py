"""One symbol of a market: where its price is now, and what its bars look like from here.

1. Nothing after `now` enters an answer: the forming bar is made of the ticks so far.
2. What is kept between questions is only a cache of what would be computed again.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

import numpy as np

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import DAY_MS, HOUR_MS, Instant, Price, Symbol
from services.paper_exchange.core.columns import EMPTY, Columns, bar_open, group, join
from services.paper_exchange.core.market import Bar, Day, Tick, Trade
from services.paper_exchange.core.tape import Scale, Tape
from services.paper_exchange.core.trail import Ohlcv, Trail, trail


class Traded(NamedTuple):
    """What a stretch of candles comes to, in whole numbers: see Columns for the units."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    turnover: int


class Listing:
    def __init__(self, instrument: Instrument, tape: Tape, scale: Scale) -> None:
        self.instrument = instrument
        self.tape = tape
        self.scale = scale
        self._walk = lru_cache(maxsize=4)(self._walk_of)
        self._whole_day = lru_cache(maxsize=2)(self._whole_day_of)
        self._hour_open = lru_cache(maxsize=2)(self._hour_open_of)

    @property
    def symbol(self) -> Symbol:
        return self.instrument.symbol

    def ticks(self, begin: int, end: int) -> Iterator[Tick]:
        """Yield the ticks of every candle that opens in [begin, end), in order."""
        first = max(0, self._index(begin + self.tape.interval_ms - 1))
        for index in range(first, min(self._index(end - 1), self._last(end)) + 1):
            candle, way = self._walk(index)
            opened = self._opens(index)
            volume = self.scale.qty(candle.volume // len(way.offsets))
            for offset, ticks in zip(way.offsets, way.prices, strict=True):
                price = self.scale.price(ticks)
                yield Tick(Instant(opened + offset), self.symbol, price, price, volume)

    def price(self, now: Instant) -> Price | None:
        """The newest tick at or before `now`; None before the first."""
        index = min(self._index(now), self._last(now))
        if index < 0:
            return None
        way = self._walk(index)[1]
        seen = bisect_right(way.offsets, now - self._opens(index))
        if seen:
            return self.scale.price(way.prices[seen - 1])
        return self.scale.price(self._walk(index - 1)[0].close) if index else None

    def bars(
        self, interval_ms: int, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> Sequence[Bar]:
        """See Market.bars."""
        if interval_ms % self.tape.interval_ms or now < self.tape.first or limit < 1:
            return ()
        oldest = bar_open(self.tape.first, interval_ms)
        begun = now - 1  # a bar begins with its first tick, a millisecond after its opening time
        newest = bar_open(begun if end is None else min(begun, end), interval_ms)
        span = (limit - 1) * interval_ms
        if start is None:
            begin = max(oldest, newest - span)
        else:
            begin = max(oldest, bar_open(start + interval_ms - 1, interval_ms))
            newest = Instant(min(newest, begin + span))
        if begin > newest:
            return ()
        opens, fine = self._seen(begin, newest + interval_ms, now)
        if not len(fine):
            return ()
        bar_opens, bars = group(fine, opens, interval_ms)
        rows = zip(bar_opens.tolist(), *(column.tolist() for column in bars.all), strict=True)
        return tuple(self._bar(row, closed=row[0] + interval_ms <= now) for row in rows)

    def day(self, now: Instant) -> Day | None:
        """See Market.day."""
        index = min(self._index(now), self._last(now))
        if index < 0:
            return None
        parts = [part for part in (self._whole_day(index), self._forming(index, now)) if part is not None]
        if not parts:
            return None
        return Day(
            open=self.scale.price(parts[0].open),
            hour_open=self.scale.price(self._hour_open(index)),
            high=self.scale.price(max(part.high for part in parts)),
            low=self.scale.price(min(part.low for part in parts)),
            volume=self.scale.qty(sum(part.volume for part in parts)),
            turnover=self.scale.turnover(sum(part.turnover for part in parts)),
        )

    def trades(self, after: Instant | None, now: Instant, limit: int) -> Sequence[Trade]:
        """See Market.trades."""
        found: list[Trade] = []
        newest = min(self._index(now), self._last(now))
        oldest = 0 if after is None else max(0, self._index(after))
        for index in range(newest, oldest - 1, -1):
            opened = self._opens(index)
            made = [
                self._trade(tick, index * 64 + place)
                for place, tick in enumerate(self.ticks(opened, opened + 1))
                if tick.volume and (after is None or after < tick.at) and tick.at <= now
            ]
            found = made + found
            if len(found) >= limit:
                break
        return found[-limit:]

    def _trade(self, tick: Tick, number: int) -> Trade:
        digest = blake2b(f"{self.symbol}|trade|{number}".encode(), digest_size=16).digest()
        taker = Action.BUY if digest[0] % 2 else Action.SELL
        return Trade(tick.at, self.symbol, tick.price, tick.volume, taker, number, str(UUID(bytes=digest)))

    def _hour_open_of(self, index: int) -> int:
        begin = max(0, index - HOUR_MS // self.tape.interval_ms)
        return self.tape.read(begin, begin + 1).at(0).open

    def _whole_day_of(self, index: int) -> Traded | None:
        """The 24 hours of whole candles before candle `index`; None at the listing."""
        whole = self.tape.read(max(0, index - DAY_MS // self.tape.interval_ms), index)
        if not len(whole):
            return None
        _, row = group(whole, np.zeros(len(whole), np.int64), DAY_MS)
        return Traded(*row.at(0), int(row.turnover[0]))

    def _seen(self, begin: int, end: int, now: Instant) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Columns]:
        """Opening times and candles that open in [begin, end), as far as they are known at `now`."""
        low = max(0, self._index(begin))
        current = min(self._index(now), self._last(now))
        high = min(self._index(end - 1), current)
        forming = self._so_far(high, now) if high == current and low <= high else EMPTY
        fine = join((self.tape.read(low, max(low, min(high + 1, current))), forming))
        return self.tape.first + np.arange(low, low + len(fine), dtype=np.int64) * self.tape.interval_ms, fine

    def _so_far(self, index: int, now: Instant) -> Columns:
        """What has been made of candle `index` by `now`: one row, or none before its first tick."""
        forming = self._forming(index, now)
        return EMPTY if forming is None else Columns(*(np.array((value,), np.int64) for value in forming))

    def _forming(self, index: int, now: Instant) -> Traded | None:
        candle, way = self._walk(index)
        seen = bisect_right(way.offsets, now - self._opens(index))
        if not seen:
            return None
        prices = way.prices[:seen]
        high, low, close = max(prices), min(prices), prices[-1]
        volume = candle.volume * seen // len(way.offsets)
        return Traded(candle.open, high, low, close, volume, (candle.open + high + low + close) * volume)

    def _walk_of(self, index: int) -> tuple[Ohlcv, Trail]:
        candle = self.tape.read(index, index + 1).at(0)
        return candle, trail(candle, self.tape.interval_ms, f"{self.symbol}:{self._opens(index)}".encode())

    def _bar(self, row: tuple[int, ...], *, closed: bool) -> Bar:
        opened, open_, high, low, close, volume, turnover = row
        price = self.scale.price
        return Bar(
            open_at=Instant(opened),
            open=price(open_),
            high=price(high),
            low=price(low),
            close=price(close),
            volume=self.scale.qty(volume),
            turnover=self.scale.turnover(turnover),
            closed=closed,
        )

    def _index(self, at: int) -> int:
        return (at - self.tape.first) // self.tape.interval_ms

    def _opens(self, index: int) -> int:
        return self.tape.first + index * self.tape.interval_ms

    def _last(self, at: int) -> int:
        """The newest candle there is; without an end, the one of `at`."""
        return self._index(at) if self.tape.count is None else self.tape.count - 1
