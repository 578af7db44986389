"""The market half of the in-memory venue: candles and prices that a test sets and pushes."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from libs.common.errors import Transient
from libs.common.exchange.market_types import (
    Candle,
    CandleClosedFrame,
    FeedDown,
    FeedEvent,
    FeedUp,
    Instrument,
    PriceFrame,
    Ticker,
)
from libs.common.exchange.memory_books import Books
from libs.common.units import ZERO, Instant, Price, Symbol, Timeframe, Usd

Listener = tuple[frozenset[Symbol], frozenset[Timeframe], "asyncio.Queue[FeedEvent]"]


class MemoryFeed:
    """MarketFeed over what the test says. Frames pushed while the feed is down are lost, as they would be."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.reads = 0  # how often anything was asked over REST
        self.candle_reads = 0  # and how often candles were
        self.turnover: dict[Symbol, Usd] = {}
        self.spread: dict[Symbol, Price] = {}  # of which half lies on either side of the price
        self.day: dict[Symbol, tuple[Price, Price]] = {}  # lowest and highest price of 24 h; by default the price
        self._failing_reads = 0
        self._silenced: dict[Symbol, asyncio.Event] = {}
        self._candles: dict[tuple[Symbol, Timeframe], dict[Instant, Candle]] = {}
        self._live: list[Listener] = []
        self._live_up = True

    def fail_reads(self, times: int) -> None:
        """Let the next `times` reads raise Transient."""
        self._failing_reads = times

    def silence(self, *symbols: Symbol) -> None:
        """Let questions for candles of these symbols hang until they are `heard_again`."""
        self._silenced |= {symbol: asyncio.Event() for symbol in symbols}

    def heard_again(self, *symbols: Symbol) -> None:
        for symbol in symbols:
            self._silenced.pop(symbol).set()

    def put_candles(self, *candles: Candle) -> None:
        """Have these candles over REST, replacing those of the same open time."""
        for candle in candles:
            series = self._candles.setdefault((candle.symbol, candle.timeframe), {})
            series[candle.open_at] = candle._replace(closed=None)

    def drop_candles(self, symbol: Symbol, timeframe: Timeframe, *open_times: Instant) -> None:
        """Have these candles no more over REST."""
        for open_at in open_times:
            del self._candles[symbol, timeframe][open_at]

    def close_candle(self, candle: Candle) -> None:
        """Let a candle close: in REST and on the stream, at its close."""
        self.put_candles(candle)
        at = Instant(candle.open_at + candle.timeframe.ms)
        self.push(CandleClosedFrame(candle._replace(closed=True), at))

    def listeners(self, symbol: Symbol) -> int:
        """How many connections hear of a symbol."""
        return sum(symbol in symbols for symbols, _, _ in self._live)

    def push(self, *events: FeedEvent) -> None:
        """Hand events to every listener that subscribed to them; lost while the feed is down."""
        for symbols, timeframes, queue in self._live:
            for event in events:
                if self._live_up and _concerns(event, symbols, timeframes):
                    queue.put_nowait(event)

    def push_price(self, symbol: Symbol) -> None:
        price = self.books.prices[symbol]
        self.push(PriceFrame(symbol, price, price, self.books.now))

    def drop_feed(self, reason: str = "scripted") -> None:
        self.push(FeedDown(reason))
        self._live_up = False

    def restore_feed(self) -> None:
        self._live_up = True
        self.push(FeedUp())

    async def instruments(self) -> Sequence[Instrument]:
        self._read()
        return list(self.books.instruments.values())

    async def tickers(self) -> Sequence[Ticker]:
        self._read()
        return [self._ticker(symbol) for symbol in sorted(self.books.prices)]

    async def market_now(self, symbol: Symbol) -> Instant:
        self._read()
        return self.books.now

    def _ticker(self, symbol: Symbol) -> Ticker:
        price = self.books.prices[symbol]
        half = self.spread.get(symbol, Price(ZERO)) / 2
        low, high = self.day.get(symbol, (price, price))
        return Ticker(
            symbol=symbol,
            last=price,
            mark=price,
            bid=Price(price - half),
            ask=Price(price + half),
            high_24h=high,
            low_24h=low,
            turnover_24h=self.turnover.get(symbol, Usd(price)),
        )

    async def candles(
        self, symbol: Symbol, timeframe: Timeframe, *, start: Instant | None, limit: int
    ) -> Sequence[Candle]:
        self._read()
        self.candle_reads += 1
        if symbol in self._silenced:
            await self._silenced[symbol].wait()
        series = sorted(self._candles.get((symbol, timeframe), {}).items())
        if start is None:
            return [candle for _, candle in series[-limit:]]
        return [candle for open_at, candle in series if open_at >= start][:limit]

    async def live(self, symbols: Sequence[Symbol], timeframes: Sequence[Timeframe]) -> AsyncIterator[FeedEvent]:
        queue: asyncio.Queue[FeedEvent] = asyncio.Queue()
        listener = (frozenset(symbols), frozenset(timeframes), queue)
        self._live.append(listener)
        try:
            if self._live_up:
                yield FeedUp()
            while True:
                yield await queue.get()
        finally:
            self._live.remove(listener)

    async def close(self) -> None: ...

    def _read(self) -> None:
        self.reads += 1
        if self._failing_reads:
            self._failing_reads -= 1
            raise Transient("scripted: the read failed")


def _concerns(event: FeedEvent, symbols: frozenset[Symbol], timeframes: frozenset[Timeframe]) -> bool:
    match event:
        case CandleClosedFrame(candle=candle):
            return candle.symbol in symbols and candle.timeframe in timeframes
        case PriceFrame(symbol=symbol):
            return symbol in symbols
        case FeedUp() | FeedDown():
            return True
