"""What each public stream tells next, given what it told before.

1. A stream's deltas, applied in order to its snapshot, give what a question would be answered with.
2. A newcomer's snapshot is what all others have been told already: tell them the news first.
3. Every candle is told as closed once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Price, Symbol
from services.paper_exchange.core.books.amounts import plain
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.dialect.market_frames import (
    Direction,
    Side,
    book_frame,
    kline_frame,
    side_delta,
    ticker_delta,
    ticker_frame,
    trade_frame,
)
from services.paper_exchange.core.dialect.shown import Shown, ticker_row
from services.paper_exchange.core.dialect.topics import BookTopic, KlineTopic, TickerTopic, TradeTopic
from services.paper_exchange.core.market.columns import bar_close, bar_number, bar_start
from services.paper_exchange.core.market.depth import Quote
from services.paper_exchange.core.market.market import Bar

MOST_TRADES: Final = 1_000  # of a symbol in one frame
REPEAT_MS: Final = 3_000  # wall; the best prices are told again after so long without a change


class Candles:
    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def forming(self, topic: KlineTopic) -> Json | None:
        """The candle that now lies in; None at its very opening time."""
        now = self._shown.now
        bars = self._shown.market.bars(topic.symbol, topic.interval_ms, start=None, end=None, limit=1, now=now)
        return kline_frame(topic, bars[0], now) if bars and not bars[0].closed else None

    def closed(self, topic: KlineTopic, after: Instant, until: Instant) -> Iterator[tuple[Instant, KlineTopic, Bar]]:
        """Yield the candles that ended in (after, until], with the moment of their end."""
        first = bar_number(after, topic.interval_ms)  # the bar that was forming, or that just began
        count = bar_number(until, topic.interval_ms) - first
        if count:
            start = bar_start(first, topic.interval_ms)
            market = self._shown.market
            for bar in market.bars(topic.symbol, topic.interval_ms, start=start, end=None, limit=count, now=until):
                yield bar_close(bar.open_at, topic.interval_ms), topic, bar


class Tickers:
    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._instruments = {each.symbol: each for each in shown.market.instruments}
        self._told: dict[Symbol, Json] = {}
        self._way: dict[Symbol, tuple[Price, Direction]] = {}

    def snapshot(self, topic: TickerTopic) -> Json | None:
        row = self._row(topic.symbol)
        if row is None:
            return None
        self._told[topic.symbol] = row
        return ticker_frame(topic, row, self._shown.now, snapshot=True)

    def news(self, topic: TickerTopic, *, unchanged: bool) -> Json | None:
        """The next frame; None when nothing changed, unless that is to be told too."""
        row, before = self._row(topic.symbol), self._told.get(topic.symbol, {})
        if row is None or not (unchanged or row != before):
            return None
        self._told[topic.symbol] = row
        return ticker_frame(topic, ticker_delta(before, row), self._shown.now, snapshot=not before)

    def _row(self, symbol: Symbol) -> Json | None:
        """The row of REST, and where the price went."""
        row = ticker_row(self._shown, self._instruments[symbol])
        if row is None:
            return None
        last = Price(Decimal(str(row["lastPrice"])))
        before, way = self._way.get(symbol, (last, Direction.STAYED_UP))
        if last != before:
            way = way.then(before, last)
        self._way[symbol] = last, way
        return {**row, "tickDirection": way.value}


class Trades:
    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._way: dict[Symbol, tuple[Price, Direction]] = {}

    def news(self, topic: TradeTopic, after: Instant, until: Instant) -> Json | None:
        """The trades in (after, until], the newest `MOST_TRADES` of them."""
        found = self._shown.market.trades(topic.symbol, after=after, now=until, limit=MOST_TRADES)
        told = []
        for trade in found:
            before, way = self._way.get(topic.symbol, (trade.price, Direction.UP))
            way = way.then(before, trade.price)
            self._way[topic.symbol] = trade.price, way
            told.append((trade, way))
        return trade_frame(topic, told, until) if told else None


@dataclass(frozen=True, slots=True)
class _Book:
    """A book as it was told: what it was made of, when it came to be, and when (wall) it was told."""

    quote: Quote
    bids: Side
    asks: Side
    changed: Instant
    wall: float


class OrderBooks:
    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._told: dict[BookTopic, _Book] = {}

    def snapshot(self, topic: BookTopic, wall: float) -> Json | None:
        book = self._now(topic, wall)
        if book is None:
            return None
        self._told[topic] = book
        return self._frame(topic, book, book.bids, book.asks, snapshot=True)

    def news(self, topic: BookTopic, wall: float) -> Json | None:
        """The next frame: what changed, or with a depth of one the whole of it, now and then even if it did not."""
        before, book = self._told.get(topic), self._now(topic, wall)
        if book is None or before is None:
            return self.snapshot(topic, wall)
        if (book.bids, book.asks) == (before.bids, before.asks):
            due = topic.depth == 1 and wall - before.wall >= REPEAT_MS
            return self.snapshot(topic, wall) if due else None
        self._told[topic] = book
        if topic.depth == 1:
            return self._frame(topic, book, book.bids, book.asks, snapshot=True)
        bids, asks = side_delta(before.bids, book.bids), side_delta(before.asks, book.asks)
        return self._frame(topic, book, bids, asks, snapshot=False)

    def forget(self, topic: BookTopic) -> None:
        """Nobody listens any more."""
        self._told.pop(topic, None)

    def _now(self, topic: BookTopic, wall: float) -> _Book | None:
        quote, before = self._shown.quote(topic.symbol), self._told.get(topic)
        if quote is None:
            return None
        if before is not None and before.quote == quote:
            return _Book(quote, before.bids, before.asks, before.changed, wall)
        bids, asks = _side(quote, Action.SELL, topic.depth), _side(quote, Action.BUY, topic.depth)
        same = before is not None and (before.bids, before.asks) == (bids, asks)
        return _Book(quote, bids, asks, before.changed if before and same else self._shown.now, wall)

    def _frame(self, topic: BookTopic, book: _Book, bids: Side, asks: Side, *, snapshot: bool) -> Json:
        return book_frame(topic, bids, asks, self._shown.now, changed=book.changed, snapshot=snapshot)


def _side(quote: Quote, action: Action, depth: int) -> Side:
    return {plain(level.price): plain(level.qty) for level in quote.levels(action, depth)}
