"""`/v5/market/*kline`: candles of the last price, of the mark, of the index and of the premium between them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import orjson

from libs.common.clock import Clock
from libs.common.exchange.market_types import Instrument
from libs.common.units import DAY_MS, Instant, Symbol
from services.paper_exchange.adapters.http.envelope import Answer
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.books.refusals import bad
from services.paper_exchange.core.dialect.kline_cache import KlineCache
from services.paper_exchange.core.dialect.shown import Shown, kline_json
from services.paper_exchange.core.dialect.topics import INTERVALS
from services.paper_exchange.core.market.market import Bar
from services.paper_exchange.core.relayed.archive import Kind
from services.paper_exchange.core.relayed.relayed import Recalls

PRICES: Final = 5  # columns of a candle that nobody traded: its opening time and four prices
PIECE_MS: Final = DAY_MS // 2  # of market time that is looked through at once, so that others get their turn
KEPT_READY_MS: Final = 60 * DAY_MS  # how far back candles of the last price are kept as they are written


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

    A long window is read in pieces, with a pause in between: nobody waits for another's years of candles.
    """

    def __init__(self, shown: Shown, linear: Callable[[Fields], Instrument], clock: Clock) -> None:
        self._shown = shown
        self._linear = linear
        self._clock = clock
        self._kept = KlineCache(shown.market)

    def acts(self) -> dict[str, Callable[[Fields], Awaitable[Answer]]]:
        market = self._shown.market
        if isinstance(market, Recalls):
            return {kind.value: self._recalled(market, kind) for kind in Kind}
        return {
            "kline": self._klines(market.bars),
            "mark-price-kline": self._prices(market.marks),
            "index-price-kline": self._prices(market.marks),
            "premium-index-price-kline": self._prices(market.premiums),
        }

    def _klines(self, bars: Bars) -> Callable[[Fields], Awaitable[Answer]]:
        async def act(fields: Fields) -> Answer:
            asked, now = self._wanted(fields), self._shown.now
            if asked.interval_ms * asked.limit > KEPT_READY_MS:
                found = await self._piecewise(bars, asked, now)
                return _listed(asked.symbol, [kline_json(bar) for bar in reversed(found)])
            rows = self._kept.rows(
                asked.symbol, asked.interval_ms, start=asked.start, end=asked.end, limit=asked.limit, now=now
            )
            return _listed(asked.symbol, rows)

        return act

    def _recalled(self, market: Recalls, kind: Kind) -> Callable[[Fields], Awaitable[Answer]]:
        columns = None if kind is Kind.LAST else PRICES

        async def act(fields: Fields) -> Answer:
            asked, now = self._wanted(fields), self._shown.now
            found = await market.recall(
                kind, asked.symbol, asked.interval_ms, start=asked.start, end=asked.end, limit=asked.limit, now=now
            )
            return _listed(asked.symbol, [kline_json(bar, columns) for bar in reversed(found)])

        return act

    def _prices(self, bars: Bars) -> Callable[[Fields], Awaitable[Answer]]:
        async def act(fields: Fields) -> Answer:
            asked, now = self._wanted(fields), self._shown.now
            found = await self._piecewise(bars, asked, now)
            return _listed(asked.symbol, [kline_json(bar, PRICES) for bar in reversed(found)])

        return act

    async def _piecewise(self, bars: Bars, asked: Wanted, now: Instant) -> Sequence[Bar]:
        """Read a window piece by piece, from its start if it has one, else back from its end; oldest first."""
        found: list[Bar] = []
        start, end, left = asked.start, asked.end, asked.limit
        while left:
            size = min(left, max(1, PIECE_MS // asked.interval_ms))
            piece = bars(asked.symbol, asked.interval_ms, start=start, end=end, limit=size, now=now)
            left = left - size if len(piece) == size else 0
            if asked.start is None:
                found = [*piece, *found]
                end = Instant(piece[0].open_at - 1) if piece else end
            else:
                found += piece
                start = Instant(piece[-1].open_at + 1) if piece else start
            if left:
                await self._clock.sleep(0)
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


def _listed(symbol: Symbol, rows: Sequence[bytes]) -> Answer:
    """An answer whose rows are written already, newest first."""
    body = b'{"symbol":"%b","category":"linear","list":[%b]}' % (symbol.encode(), b",".join(rows))
    return Answer(orjson.Fragment(body))
