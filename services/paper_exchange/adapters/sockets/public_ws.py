"""The public WebSocket: candles, tickers, trades and order books of the market as it moves.

1. Every candle that closes is told, once, in order of its end, then symbol, then interval; before any ticker.
2. A client that cannot keep up is cut off; the market never waits for one.
3. In lockstep nothing depends on wall time: tickers and books are told at the end of a step, all of them.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Protocol

import structlog
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from libs.common.clock import Clock, iso
from libs.common.units import Instant
from services.paper_exchange.adapters.sockets.lines import ACK_DELAY_S, Line, Lines, names, told
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.dialect.market_frames import kline_frame
from services.paper_exchange.core.dialect.shown import Shown, is_listed
from services.paper_exchange.core.dialect.streams import Candles, OrderBooks, Tickers, Trades
from services.paper_exchange.core.dialect.subscriptions import Subscriptions
from services.paper_exchange.core.dialect.topics import (
    BookTopic,
    KlineTopic,
    TickerTopic,
    Topic,
    TradeTopic,
    read_topic,
)

log = structlog.get_logger()

PATH: Final = "/v5/public/linear"
TOLD_EVERY_MS: Final = 100  # wall: tickers and books
KLINES_EVERY_MS: Final = 1_000
MOST_TOPICS: Final = 2_000  # a message


class Playing(Shown, Protocol):
    @property
    def speed(self) -> Decimal | None:
        """None is lockstep."""
        ...


class PublicHub:
    """All public connections, and what each of them subscribed to."""

    def __init__(self, world: Playing, clock: Clock) -> None:
        self._world, self._clock = world, clock
        self._instruments = {each.symbol: each for each in world.market.instruments}
        self._lines = Lines("public")
        self._wanted: Subscriptions[Line] = Subscriptions()
        self._candles, self._tickers = Candles(world), Tickers(world)
        self._trades, self._books = Trades(world), OrderBooks(world)
        self._told = self._klines_told = clock.monotonic_ms()
        self._told_at = Instant(0)  # market time

    def route(self) -> WebSocketRoute:
        return WebSocketRoute(PATH, self.serve)

    def moved(self, after: Instant, until: Instant) -> None:
        """The market went from `after` to `until`: tell the candles that closed, the trades, and what else is due."""
        closes = [close for topic in self._wanted.of(KlineTopic) for close in self._candles.closed(topic, after, until)]
        for at, topic, bar in sorted(closes, key=lambda close: close[:2]):
            self._tell(topic, kline_frame(topic, bar, at))
        for trade_topic in sorted(self._wanted.of(TradeTopic)):
            self._tell(trade_topic, self._trades.news(trade_topic, after, until))
        if until == self._world.market.end:
            log.warning("market.ended", market=iso(until))
        if self._world.speed is not None:
            self._tell_what_is_due(self._clock.monotonic_ms())

    async def settle(self) -> None:
        """End a step: tell every ticker and book, and return when all is on the wire."""
        self._tell_quotes(unchanged=True)
        await self._lines.drained()

    async def drained(self) -> None:
        """Return when all that was told so far is on the wire, or whoever does not take it is given up."""
        await self._lines.drained()

    def _tell_what_is_due(self, wall: float) -> None:
        if wall - self._klines_told >= KLINES_EVERY_MS:
            self._klines_told = _beat(self._klines_told, wall, KLINES_EVERY_MS)
            for topic in sorted(self._wanted.of(KlineTopic)):
                self._tell(topic, self._candles.forming(topic))
        if wall - self._told >= TOLD_EVERY_MS and self._world.now > self._told_at:
            self._told, self._told_at = _beat(self._told, wall, TOLD_EVERY_MS), self._world.now
            self._tell_quotes(unchanged=False)

    def _tell_quotes(self, *, unchanged: bool) -> None:
        for topic in sorted(self._wanted.of(TickerTopic)):
            self._tell(topic, self._tickers.news(topic, unchanged=unchanged))
        wall = 0.0 if self._world.speed is None else self._clock.monotonic_ms()
        for book_topic in sorted(self._wanted.of(BookTopic)):
            self._tell(book_topic, self._books.news(book_topic, wall))

    def _tell(self, topic: Topic, frame: Json | None) -> None:
        if frame is not None:
            self._lines.tell(self._wanted.audience(topic), frame)

    async def serve(self, socket: WebSocket) -> None:
        """Run one connection until either side ends it."""
        await self._lines.converse(socket, self._hear, self._forget)

    async def _hear(self, line: Line, asked: Json) -> None:
        await self._clock.sleep(ACK_DELAY_S)
        acts: dict[str, Callable[[Topic, Line], None]] = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
        }
        if asked.get("op") == "ping":
            line.say({**told(line, asked, ""), "ret_msg": "pong"})
            return
        act = acts.get(str(asked.get("op")))
        topics = {name: read_topic(name) for name in names(asked)}
        problem = "error:unknown op" if act is None else self._problem(topics)
        line.say(told(line, asked, problem))
        if act is not None and not problem:
            for topic in topics.values():
                if topic is not None:
                    act(topic, line)

    def _problem(self, topics: dict[str, Topic | None]) -> str:
        if not topics or len(topics) > MOST_TOPICS:
            return f"error:1 to {MOST_TOPICS} args"
        for name, topic in topics.items():
            instrument = self._instruments.get(topic.symbol) if topic else None
            if instrument is None or not is_listed(self._world, instrument):
                return f"error:handler not found,topic:{name}"
        return ""

    def _subscribe(self, topic: Topic, line: Line) -> None:
        """Begin with how it is now: deltas build on that, so those before must have all deltas up to it."""
        wall = self._clock.monotonic_ms()
        frame: Json | None = None
        match topic:
            case KlineTopic():
                frame = self._candles.forming(topic)
            case TickerTopic():
                if self._wanted.audience(topic):
                    self._tell(topic, self._tickers.news(topic, unchanged=False))
                frame = self._tickers.snapshot(topic)
            case BookTopic():
                if self._wanted.audience(topic):
                    self._tell(topic, self._books.news(topic, wall))
                frame = self._books.snapshot(topic, wall)
            case TradeTopic():
                pass  # there is no state to begin with: the next trade is the first
        self._wanted.add(topic, line)
        if frame is not None:
            line.say(frame)

    def _unsubscribe(self, topic: Topic, line: Line) -> None:
        self._wanted.drop(topic, line)
        if isinstance(topic, BookTopic) and not self._wanted.audience(topic):
            self._books.forget(topic)

    def _forget(self, line: Line) -> None:
        for topic in self._wanted.topics(line):
            self._unsubscribe(topic, line)


def _beat(before: float, wall: float, every_ms: float) -> float:
    """Return what the next turn is counted from: this one's due time, so that late looks do not slow the beat.

    A turn that nobody looked for at all is left out.
    """
    due = before + every_ms
    return due if wall - due < every_ms else wall
