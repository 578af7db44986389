"""`/v5/market/*kline`: candles of the last price, of the mark, of the index and of the premium between them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import orjson

from libs.common.exchange.market_types import Instrument
from libs.common.units import Instant, Symbol
from services.paper_exchange.adapters.http.envelope import Answer
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.books.refusals import bad
from services.paper_exchange.core.dialect.kline_cache import KlineCache
from services.paper_exchange.core.dialect.shown import Shown, kline_row
from services.paper_exchange.core.dialect.topics import INTERVALS
from services.paper_exchange.core.market.market import Bar
from services.paper_exchange.core.relayed.archive import Kind
from services.paper_exchange.core.relayed.relayed import Recalls

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
    """`linear` finds the instrument that a request is about, or refuses."""

    def __init__(self, shown: Shown, linear: Callable[[Fields], Instrument]) -> None:
        self._shown = shown
        self._linear = linear
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
            asked, now = self._wanted(fields), self._shown.now
            found = bars(asked.symbol, asked.interval_ms, start=asked.start, end=asked.end, limit=asked.limit, now=now)
            return _listed(asked.symbol, [orjson.dumps(kline_row(bar)[:PRICES]) for bar in reversed(found)])

        return act

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


def _listed(symbol: Symbol, rows: Sequence[bytes]) -> Answer:
    """An answer whose rows are written already, newest first."""
    body = b'{"symbol":"%b","category":"linear","list":[%b]}' % (symbol.encode(), b",".join(rows))
    return Answer(orjson.Fragment(body))
