"""`/v5/market/*kline`: candles of the last price, of the mark, of the index and of the premium between them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import orjson

from libs.common.exchange.market_types import Instrument
from libs.common.units import DAY_MS, Instant, Symbol
from services.paper_exchange.adapters.http.envelope import Answer
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.books.refusals import bad
from services.paper_exchange.core.dialect.kline_cache import KlineCache
from services.paper_exchange.core.dialect.shown import Shown, kline_row
from services.paper_exchange.core.dialect.topics import INTERVALS
from services.paper_exchange.core.market.columns import bar_number, bar_start
from services.paper_exchange.core.market.market import Bar
from services.paper_exchange.core.relayed.archive import Kind
from services.paper_exchange.core.relayed.relayed import Recalls

Pause = Callable[[float], Awaitable[None]]
PIECE_MS: Final = 32 * DAY_MS  # of candles, which are recorded or woven by the day
PIECE_OF_TICKS_MS: Final = 2 * DAY_MS  # of marks, which are made of every tick
PRICES: Final = 5  # columns of a candle that nobody traded: its opening time and four prices


class Bars(Protocol):
    """A market's bars of one kind: see Market.bars."""

    def __call__(
        self, symbol: Symbol, interval_ms: int, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> Sequence[Bar]: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which candles a request asks for."""

    symbol: Symbol
    interval_ms: int
    start: Instant | None
    end: Instant | None
    limit: int


class Candles:
    """`linear` finds the instrument that a request is about, or refuses.

    A long stretch is made in pieces, with a pause in between: nobody waits for another's years of candles.
    """

    def __init__(self, shown: Shown, linear: Callable[[Fields], Instrument], pause: Pause) -> None:
        self._shown = shown
        self._linear = linear
        self._pause = pause
        self._kept = KlineCache(shown.market)

    def acts(self) -> dict[str, Callable[[Fields], Awaitable[Answer]]]:
        market = self._shown.market
        if isinstance(market, Recalls):
            return {kind.value: self._recalled(market, kind) for kind in Kind}
        return {
            "kline": self._klines,
            "mark-price-kline": self._prices(market.marks),
            "index-price-kline": self._prices(market.marks),
            "premium-index-price-kline": self._prices(market.premiums),
        }

    async def _klines(self, fields: Fields) -> Answer:
        asked = self._wanted(fields)
        if asked.limit * asked.interval_ms > PIECE_MS:
            found = await self._in_pieces(self._shown.market.bars, asked, PIECE_MS)
            return _listed(asked.symbol, [orjson.dumps(kline_row(bar)) for bar in reversed(found)])
        rows = self._kept.rows(
            asked.symbol,
            asked.interval_ms,
            start=asked.start,
            end=asked.end,
            limit=asked.limit,
            now=self._shown.now,
        )
        return _listed(asked.symbol, rows)

    def _recalled(self, market: Recalls, kind: Kind) -> Callable[[Fields], Awaitable[Answer]]:
        columns = None if kind is Kind.LAST else PRICES

        async def act(fields: Fields) -> Answer:
            asked, now = self._wanted(fields), self._shown.now
            found = await market.recall(
                kind, asked.symbol, asked.interval_ms, start=asked.start, end=asked.end, limit=asked.limit, now=now
            )
            return _listed(asked.symbol, [orjson.dumps(kline_row(bar)[:columns]) for bar in reversed(found)])

        return act

    def _prices(self, bars: Bars) -> Callable[[Fields], Awaitable[Answer]]:
        async def act(fields: Fields) -> Answer:
            asked = self._wanted(fields)
            found = await self._in_pieces(bars, asked, PIECE_OF_TICKS_MS)
            return _listed(asked.symbol, [orjson.dumps(kline_row(bar)[:PRICES]) for bar in reversed(found)])

        return act

    async def _in_pieces(self, bars: Bars, asked: Wanted, piece_ms: int) -> list[Bar]:
        """Return the bars that are asked for, oldest first."""
        ask, interval, now = partial(bars, asked.symbol, asked.interval_ms), asked.interval_ms, self._shown.now
        anchor = ask(start=asked.start, end=asked.end, limit=1, now=now)
        if not anchor or asked.limit == 1:
            return [*anchor]
        known, size = bar_number(anchor[0].open_at, interval), max(1, piece_ms // interval)
        last = bar_number(min(now, now if asked.end is None else asked.end), interval)
        first, newest = (known - asked.limit + 1, known) if asked.start is None else (known, last)
        found: list[Bar] = []
        for number in range(first, min(newest, first + asked.limit - 1) + 1, size):
            if number > first:
                await self._pause(0)
            count = min(size, asked.limit - (number - first))
            until = _end_of(number + count, interval, asked)
            found += ask(start=bar_start(number, interval), end=until, limit=count, now=now)
        return found

    def _wanted(self, fields: Fields) -> Wanted:
        symbol = self._linear(fields).symbol
        interval = INTERVALS.get(fields.required("interval"))
        if interval is None:
            raise bad("Invalid period!")
        start, end = fields.whole("start"), fields.whole("end")
        if start is not None and end is not None and end < start:
            raise bad("params error: start must not be after end")
        return Wanted(
            symbol,
            interval,
            None if start is None else Instant(start),
            None if end is None else Instant(end),
            fields.limit(most=1_000, usual=200),
        )


def _end_of(number: int, interval_ms: int, asked: Wanted) -> Instant:
    """The last moment of the bars before `number`, no later than what was asked for."""
    end = bar_start(number, interval_ms) - 1
    return Instant(end if asked.end is None else min(end, asked.end))


def _listed(symbol: Symbol, rows: Sequence[bytes]) -> Answer:
    """An answer whose rows are written already, newest first."""
    body = b'{"symbol":"%b","category":"linear","list":[%b]}' % (symbol.encode(), b",".join(rows))
    return Answer(orjson.Fragment(body))
