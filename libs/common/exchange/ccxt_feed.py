"""`MarketFeed` at Bybit, or at anything that speaks its v5 dialect, through ccxt.

One WebSocket for all candles and tickers; `confirm` comes from the raw frame, because ccxt's parsed candles drop it.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from random import Random
from typing import Final

from libs.common.budget import Budget
from libs.common.clock import Clock
from libs.common.errors import Transient
from libs.common.exchange import bybit_rows as rows
from libs.common.exchange.bybit_client import BybitClient
from libs.common.exchange.bybit_reads import every_row, market_now, parsed, parsed_all, parsed_each, read
from libs.common.exchange.bybit_rows import Row
from libs.common.exchange.endpoints import Endpoint
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
from libs.common.retry import backoff
from libs.common.units import Fraction, Instant, Price, Symbol, Timeframe

_LINEAR: Final = {"category": "linear"}
_TIMEFRAMES: Final = {interval: timeframe for timeframe, interval in rows.INTERVALS.items()}


class CcxtFeed:
    """See `MarketFeed`. Every request waits for its turn in the budget of the address."""

    def __init__(self, endpoint: Endpoint, clock: Clock, dice: Random, budget: Budget) -> None:
        self._client = BybitClient(endpoint, clock, budget=budget)
        self._stream = endpoint.public_stream
        self._clock = clock
        self._dice = dice

    async def instruments(self) -> Sequence[Instrument]:
        listed = await every_row(self._client, "public_get_v5_market_instruments_info", _LINEAR | {"limit": 1000})
        return parsed_all(rows.instrument, filter(rows.is_ours, listed))

    async def tickers(self) -> Sequence[Ticker]:
        return parsed_all(
            rows.ticker, (await read(self._client, "public_get_v5_market_tickers", dict(_LINEAR)))["list"]
        )

    async def candles(
        self, symbol: Symbol, timeframe: Timeframe, *, start: Instant | None, limit: int
    ) -> Sequence[Candle]:
        params: dict[str, object] = _LINEAR | {
            "symbol": symbol,
            "interval": rows.INTERVALS[timeframe],
            "limit": limit,
        }
        if start is not None:
            params["start"] = start
        answer = await read(self._client, "public_get_v5_market_kline", params)
        parse = partial(rows.rest_candle, symbol, timeframe)
        return parsed_each(parse, reversed(answer["list"]))

    async def market_now(self, symbol: Symbol) -> Instant:
        """See `MarketFeed`: the time of its order book."""
        return await market_now(self._client, symbol)

    async def funding(self, symbol: Symbol, *, start: Instant, end: Instant) -> Sequence[tuple[Instant, Fraction]]:
        """Rates that were settled in [start, end], oldest first; at most the newest 200 of them."""
        params: dict[str, object] = _LINEAR | {"symbol": symbol, "startTime": start, "endTime": end, "limit": 200}
        answer = await read(self._client, "public_get_v5_market_funding_history", params)
        return parsed_all(rows.settled_rate, answer["list"])[::-1]

    async def live(self, symbols: Sequence[Symbol], timeframes: Sequence[Timeframe]) -> AsyncIterator[FeedEvent]:
        topics = _topics(symbols, timeframes)
        waits = backoff(first=0.25, ceiling=15, dice=self._dice)
        while True:
            try:
                async with self._client.stream(self._stream, topics) as wire:
                    waits = backoff(first=0.25, ceiling=15, dice=self._dice)
                    frames = PublicFrames()  # deltas build on this connection's own snapshot
                    yield FeedUp()
                    async for frame in wire.frames():
                        for event in frames.events(frame):
                            yield event
            except Transient as error:
                yield FeedDown(str(error))
            await self._clock.sleep(next(waits))

    async def close(self) -> None:
        await self._client.close()


class PublicFrames:
    """Raw frames of one connection to events: ticker deltas are merged onto the snapshot."""

    def __init__(self) -> None:
        self._prices: dict[str, tuple[Price, Price]] = {}

    def events(self, frame: Row) -> Iterator[FeedEvent]:
        """Yield the closed candles or the price of one frame; raises Transient for what cannot be read."""
        kind, _, rest = frame["topic"].partition(".")
        if kind == "tickers":
            yield parsed(partial(self._price, rest), frame)
        elif kind == "kline":
            interval, _, symbol = rest.partition(".")
            for row in frame["data"]:
                if row["confirm"] is True:
                    candle = parsed(lambda row: rows.stream_candle(Symbol(symbol), _TIMEFRAMES[interval], row), row)
                    yield CandleClosedFrame(candle, Instant(int(frame["ts"])))

    def _price(self, symbol: str, frame: Row) -> PriceFrame:
        data = frame["data"]
        last, mark = self._prices.get(symbol, (None, None))
        if "lastPrice" in data or last is None:
            last = rows.price(data["lastPrice"])
        if "markPrice" in data or mark is None:
            mark = rows.price(data["markPrice"])
        self._prices[symbol] = last, mark
        return PriceFrame(Symbol(symbol), last, mark, Instant(int(frame["ts"])))


def _topics(symbols: Sequence[Symbol], timeframes: Sequence[Timeframe]) -> list[str]:
    candles = [f"kline.{rows.INTERVALS[timeframe]}.{symbol}" for symbol in symbols for timeframe in timeframes]
    return candles + [f"tickers.{symbol}" for symbol in symbols]
