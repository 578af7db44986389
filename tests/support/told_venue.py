"""A venue whose public data a test tells, line by line: what a relay hears of it, and what it may ask.

It speaks the dialect as documented, from a book of minutes, trades and levels; its market time is what the test says.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import groupby
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from libs.common.units import DAY_MS, MINUTE_MS, Instant, Price, Qty
from services.paper_exchange.core.dialect.shown import kline_row
from services.paper_exchange.core.dialect.topics import INTERVALS
from services.paper_exchange.core.market.columns import bar_open
from services.paper_exchange.core.market.market import Bar
from services.paper_exchange.core.relayed.candle_tiers import merged

MORNING = Instant(1_757_894_400_000)  # 2025-09-15T00:00:00Z, a Monday
HISTORY_MINUTES = 3 * 24 * 60


def minute(open_at: int) -> Bar:
    """What trades in a minute that nobody writes anything else for: it can be told apart from its neighbours."""
    number = open_at // MINUTE_MS
    price = Decimal(100) + number % 5
    return Bar(
        open_at=Instant(open_at),
        open=Price(price),
        high=Price(price + 1),
        low=Price(price - 1),
        close=Price(price + Decimal("0.5")),
        volume=Qty(Decimal(number % 7 + 1)),
        turnover=price * (number % 7 + 1),
        closed=True,
    )


@dataclass
class ToldVenue:
    """Trades one symbol, BTCUSDT, from three days before MORNING on."""

    now: Instant = MORNING
    port: int = 0
    minutes: list[Bar] = field(
        default_factory=lambda: [minute(MORNING + n * MINUTE_MS) for n in range(-HISTORY_MINUTES, 0)]
    )
    trades: list[dict[str, Any]] = field(default_factory=list)  # newest last, as rows of recent-trade
    bids: dict[str, str] = field(default_factory=lambda: {"99.9": "5", "99.8": "10"})
    asks: dict[str, str] = field(default_factory=lambda: {"100.1": "5", "100.2": "10"})
    last: str = "100"
    mark: str = "100"
    rate: str = "0.0001"
    settled: list[tuple[int, str]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    paths: set[str] = field(default_factory=set)
    headers: set[str] = field(default_factory=set)
    refusing: int = 0  # HTTP status of every REST answer, where it is not 0
    deaf: bool = False  # connections stay open, and nothing is said on them
    forgetful: bool = False  # subscriptions are not answered, pings are
    shows_levels: bool = True
    sockets: set[web.WebSocketResponse] = field(default_factory=set)
    updates: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def trades_at(self, price: str, qty: str = "1", *, side: str = "Buy", heard: bool = True) -> None:
        """A trade a millisecond later, which the levels do not follow; unheard, it was lost on the way."""
        self.now = Instant(self.now + 1)
        number = len(self.trades) + 1
        row = {"execId": f"t{number}", "price": price, "size": qty, "side": side, "seq": str(number)}
        self.trades.append({**row, "symbol": "BTCUSDT", "time": str(self.now), "isBlockTrade": False})
        self.last = price
        self._trade_in_minute(Price(Decimal(price)), Qty(Decimal(qty)))
        if heard:
            data = {"T": self.now, "s": "BTCUSDT", "S": side, "v": qty, "p": price, "i": f"t{number}", "BT": False}
            await self.says({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": self.now, "data": [data]})

    async def passes(self, ms: int, *, heard: bool = True) -> None:
        """Let time pass: minutes that end are told as closed, then the ticker."""
        until = self.now + ms
        while (end := self._next_end()) <= until:
            if self.minutes[-1].closed:
                self.minutes.append(minute(end - MINUTE_MS))
            self.minutes[-1] = replace(self.minutes[-1], closed=True)
            self.now = Instant(end)
            if heard:
                await self.says(self._kline(self.minutes[-1]))
        self.now = Instant(until)
        if heard:
            await self.tells_ticker()

    def _next_end(self) -> int:
        newest = self.minutes[-1]
        return newest.open_at + (2 if newest.closed else 1) * MINUTE_MS

    async def tells_ticker(self) -> None:
        data = {"symbol": "BTCUSDT", "lastPrice": self.last, "markPrice": self.mark, **self._funding()}
        await self.says({"topic": "tickers.BTCUSDT", "type": "delta", "ts": self.now, "cs": 1, "data": data})

    async def levels(self, *, bids: dict[str, str] | None = None, asks: dict[str, str] | None = None) -> None:
        """Tell a change of levels, a millisecond later; a quantity of 0 deletes."""
        self.now = Instant(self.now + 1)
        for side, changes in ((self.bids, bids or {}), (self.asks, asks or {})):
            side.update(changes)
            for price in [price for price, qty in changes.items() if qty == "0"]:
                del side[price]
        await self.says(self.book("delta", bids or {}, asks or {}))

    async def says(self, frame: Any) -> None:
        """Send a frame to everybody who listens; text is sent as it is."""
        text = frame if isinstance(frame, str) else orjson.dumps(frame).decode()
        for socket in tuple(self.sockets):
            if not self.deaf and not socket.closed:
                await socket.send_str(text)

    async def hangs_up(self) -> None:
        for socket in tuple(self.sockets):
            await socket.close()

    def _trade_in_minute(self, price: Price, qty: Qty) -> None:
        open_at = bar_open(self.now, MINUTE_MS)
        part = Bar(open_at, price, price, price, price, qty, price * qty, closed=False)
        if self.minutes[-1].open_at == open_at:
            self.minutes[-1] = merged((self.minutes[-1], part), open_at, closed=False)
        else:
            while self.minutes[-1].open_at + MINUTE_MS < open_at:
                self.minutes.append(minute(self.minutes[-1].open_at + MINUTE_MS))
            self.minutes.append(part)

    def _kline(self, bar: Bar) -> dict[str, Any]:
        row = dict(zip(("open", "high", "low", "close", "volume", "turnover"), kline_row(bar)[1:], strict=True))
        data = {**row, "start": bar.open_at, "end": bar.open_at + MINUTE_MS - 1, "confirm": bar.closed, "interval": "1"}
        return {"topic": "kline.1.BTCUSDT", "type": "snapshot", "ts": self.now, "data": [data]}

    def book(self, kind: str, bids: dict[str, str], asks: dict[str, str]) -> dict[str, Any]:
        self.updates += 1
        data = {"s": "BTCUSDT", "b": [*bids.items()], "a": [*asks.items()], "u": self.updates, "seq": self.updates}
        return {"topic": "orderbook.50.BTCUSDT", "type": kind, "ts": self.now, "cts": self.now, "data": data}

    def _funding(self) -> dict[str, str]:
        eight_hours = DAY_MS // 3
        return {"fundingRate": self.rate, "nextFundingTime": str((self.now // eight_hours + 1) * eight_hours)}

    def ticker(self) -> dict[str, str]:
        return {
            "symbol": "BTCUSDT",
            "lastPrice": self.last,
            "markPrice": self.mark,
            "indexPrice": "99.5",
            "prevPrice24h": "95",
            "prevPrice1h": "98",
            "highPrice24h": "120",
            "lowPrice24h": "80",
            "volume24h": "1234",
            "turnover24h": "123400",
            "openInterest": "777",
            **self._funding(),
        }

    def candles(self, query: Any) -> list[list[str]]:
        """Rows of a kline question, newest first; of the mark price they are the last price's, without volume."""
        interval_ms = INTERVALS[query["interval"]]
        start, end, limit = int(query.get("start", 0)), int(query.get("end", 2**53)), int(query.get("limit", 200))
        assert start <= end, "what a venue refuses"
        known = [bar for bar in self.minutes if bar.open_at < self.now]
        grouped = groupby(known, key=lambda bar: bar_open(bar.open_at, interval_ms))
        bars = [merged(tuple(parts), open_at) for open_at, parts in grouped]
        asked = [bar for bar in bars if start <= bar.open_at <= end]
        return [kline_row(bar) for bar in (asked[:limit] if "start" in query else asked[-limit:])][::-1]

    def fundings(self, query: Any) -> list[dict[str, str]]:
        start, end, limit = int(query.get("startTime", 0)), int(query.get("endTime", 2**53)), int(query["limit"])
        wanted = [each for each in self.settled if start <= each[0] <= end][-limit:]
        return [{"fundingRateTimestamp": str(at), "fundingRate": rate} for at, rate in wanted[::-1]]

    async def answer(self, request: web.Request) -> web.Response:
        name = request.path.removeprefix("/v5/market/")
        self.asked[name] += 1
        self._note(request)
        if self.refusing:
            return web.Response(status=self.refusing, text="403, access too frequent")
        results: dict[str, Any] = {
            "instruments-info": lambda: {"list": [self.instrument()], "nextPageCursor": ""},
            "tickers": lambda: {"list": [self.ticker()]},
            "orderbook": lambda: {"s": "BTCUSDT", "ts": self.now, "u": 1, "b": [], "a": []},
            "recent-trade": lambda: {"list": self.trades[:-1001:-1]},
            "funding/history": lambda: {"list": self.fundings(request.query)},
            "kline": lambda: {"list": self.candles(request.query)},
            "mark-price-kline": lambda: {"list": [row[:5] for row in self.candles(request.query)]},
        }
        body = {"retCode": 0, "retMsg": "OK", "result": results[name](), "retExtInfo": {}, "time": 1}
        return web.json_response(body)

    async def listens(self, request: web.Request) -> web.WebSocketResponse:
        self._note(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.add(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and not self.deaf:
                    await self._answers(socket, orjson.loads(message.data))
        finally:
            self.sockets.discard(socket)
        return socket

    def _note(self, request: web.Request) -> None:
        self.paths.add(request.path)
        self.headers |= set(request.headers)

    async def _answers(self, socket: web.WebSocketResponse, asked: Any) -> None:
        self.asked[asked["op"]] += 1
        if self.forgetful and asked["op"] == "subscribe":
            return
        await socket.send_json({"success": True, "ret_msg": "", "op": asked["op"], "req_id": asked["req_id"]})
        for topic in asked.get("args", []) if asked["op"] == "subscribe" else []:
            if topic.startswith("tickers"):
                frame = {"topic": topic, "type": "snapshot", "ts": self.now, "cs": 1, "data": self.ticker()}
                await socket.send_json(frame)
            elif topic.startswith("orderbook") and self.shows_levels:
                await socket.send_json(self.book("snapshot", self.bids, self.asks))

    @staticmethod
    def instrument() -> dict[str, Any]:
        return {
            "symbol": "BTCUSDT",
            "contractType": "LinearPerpetual",
            "status": "Trading",
            "settleCoin": "USDT",
            "launchTime": "0",
            "fundingInterval": 480,
            "leverageFilter": {"maxLeverage": "100"},
            "priceFilter": {"tickSize": "0.1"},
            "lotSizeFilter": {
                "qtyStep": "0.001",
                "minOrderQty": "0.001",
                "maxMktOrderQty": "500",
                "minNotionalValue": "5",
            },
        }


@asynccontextmanager
async def serving(venue: ToldVenue) -> AsyncIterator[ToldVenue]:
    """Serve it, on its port or on a free one that it then keeps."""
    app = web.Application()
    app.router.add_get("/v5/public/linear", venue.listens)
    app.router.add_get("/{path:.*}", venue.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", venue.port, reuse_address=True).start()
    venue.port = runner.addresses[0][1]
    try:
        yield venue
    finally:
        await venue.hangs_up()
        await runner.cleanup()


def opens(bars: Sequence[Any]) -> list[int]:
    """The opening times of rows of candles, in minutes after MORNING."""
    return [(int(row[0]) - MORNING) // MINUTE_MS for row in bars]
