"""The public WebSocket: candles and tickers of the market as it moves.

1. Every candle that closes is told, once, in order of its end, then symbol, then interval; before any ticker.
2. A client that cannot keep up is cut off; the market never waits for one.
3. In lockstep nothing depends on wall time: tickers are told at the end of a step, all of them.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Final, Protocol

import orjson
import structlog
from pydantic import JsonValue
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from libs.common.clock import Clock, iso
from libs.common.ids import derive_id
from libs.common.units import Instant, Symbol
from services.paper_exchange.adapters.outbox import Outbox
from services.paper_exchange.core.columns import bar_open
from services.paper_exchange.core.fields import Json
from services.paper_exchange.core.market import Bar
from services.paper_exchange.core.shown import Shown, ticker_row
from services.paper_exchange.core.topics import (
    KlineTopic,
    TickerTopic,
    Topic,
    kline_frame,
    read_topic,
    ticker_delta,
    ticker_frame,
)

log = structlog.get_logger()

PATH: Final = "/v5/public/linear"
ACK_DELAY_S: Final = 0.005  # some clients register a subscription only after sending it
TICKERS_EVERY_MS: Final = 100  # wall
KLINES_EVERY_MS: Final = 1_000
MOST_TOPICS: Final = 2_000  # a connection
IDLE_S: Final = 600
PATIENCE_S: Final = 10  # for a client that does not take its frames while a step waits


class Playing(Shown, Protocol):
    @property
    def speed(self) -> Decimal | None:
        """None is lockstep."""
        ...


class PublicHub:
    """All public connections, and what each of them subscribed to."""

    def __init__(self, world: Playing, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._instruments = {each.symbol: each for each in world.market.instruments}
        self._wanted: dict[Topic, set[Outbox]] = {}
        self._tickers: dict[Symbol, Json] = {}  # as they were told last
        self._outboxes: set[Outbox] = set()
        self._opened = 0
        self._tickers_told = self._klines_told = clock.monotonic_ms()

    def route(self) -> WebSocketRoute:
        return WebSocketRoute(PATH, self.serve)

    def moved(self, after: Instant, until: Instant) -> None:
        """The market went from `after` to `until`: tell the candles that closed, and what is due of the rest."""
        for at, topic, bar in self._closes(after, until):
            self._tell(topic, kline_frame(topic, bar, at))
        if until == self._world.market.end:
            log.warning("market.ended", market=iso(until))
        if self._world.speed is None:
            return
        wall = self._clock.monotonic_ms()
        if wall - self._klines_told >= KLINES_EVERY_MS:
            self._klines_told = wall
            self._tell_forming()
        if wall - self._tickers_told >= TICKERS_EVERY_MS:
            self._tickers_told = wall
            self._tell_tickers(unchanged=False)

    async def settle(self) -> None:
        """End a step: tell every ticker, and return when all is on the wire."""
        self._tell_tickers(unchanged=True)
        await self.drained()

    async def drained(self) -> None:
        """Return when all that was told so far is on the wire, or whoever does not take it is given up."""
        for outbox in tuple(self._outboxes):
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await outbox.drained()
            except TimeoutError:
                outbox.overrun.set()

    def _closes(self, after: Instant, until: Instant) -> Iterator[tuple[Instant, KlineTopic, Bar]]:
        found: list[tuple[Instant, KlineTopic, Bar]] = []
        for topic in [each for each in self._wanted if isinstance(each, KlineTopic)]:
            first = bar_open(after, topic.interval_ms)  # the bar that was forming, or that just began
            count = (bar_open(until, topic.interval_ms) - first) // topic.interval_ms
            if count:
                bars = self._world.market.bars(
                    topic.symbol, topic.interval_ms, start=first, end=None, limit=count, now=until
                )
                found += [(Instant(bar.open_at + topic.interval_ms), topic, bar) for bar in bars]
        return iter(sorted(found, key=lambda close: close[:2]))

    def _tell_forming(self) -> None:
        for topic in self._wanted:
            if isinstance(topic, KlineTopic) and (frame := self._forming(topic)) is not None:
                self._tell(topic, frame)

    def _forming(self, topic: KlineTopic) -> Json | None:
        now = self._world.now
        bars = self._world.market.bars(topic.symbol, topic.interval_ms, start=None, end=None, limit=1, now=now)
        return kline_frame(topic, bars[0], now) if bars and not bars[0].closed else None

    def _tell_tickers(self, *, unchanged: bool) -> None:
        for topic in sorted(each for each in self._wanted if isinstance(each, TickerTopic)):
            self._tell_ticker(topic, unchanged=unchanged)

    def _tell_ticker(self, topic: TickerTopic, *, unchanged: bool) -> None:
        row = ticker_row(self._world, self._instruments[topic.symbol])
        before = self._tickers.get(topic.symbol, {})
        if row is not None and (unchanged or row != before):
            self._tickers[topic.symbol] = row
            self._tell(topic, ticker_frame(topic, ticker_delta(before, row), self._world.now, snapshot=not before))

    def _tell(self, topic: Topic, frame: Json) -> None:
        text = orjson.dumps(frame).decode()
        for outbox in self._wanted[topic]:
            outbox.put(text)

    async def serve(self, socket: WebSocket) -> None:
        """Run one connection until either side ends it."""
        await socket.accept()
        self._opened += 1
        outbox = Outbox(socket)
        self._outboxes.add(outbox)
        jobs = {
            asyncio.create_task(job)
            for job in (outbox.send_all(), outbox.overrun.wait(), self._listen(socket, outbox, self._opened))
        }
        try:
            ended, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            with suppress(WebSocketDisconnect):
                for job in ended:
                    job.result()
        finally:
            self._forget(outbox)
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
        if outbox.overrun.is_set():
            log.warning("stream.dropped", reason="too far behind")
            with suppress(WebSocketDisconnect, RuntimeError):  # it may be gone already
                await socket.close(1008)

    async def _listen(self, socket: WebSocket, outbox: Outbox, number: int) -> None:
        with suppress(WebSocketDisconnect, TimeoutError):
            while True:
                async with asyncio.timeout(IDLE_S):
                    asked = _message(await socket.receive_text())
                await self._clock.sleep(ACK_DELAY_S)
                self._answer(asked, outbox, derive_id("public", str(number)))

    def _answer(self, asked: Json, outbox: Outbox, conn_id: str) -> None:
        names = asked.get("args")
        topics = {str(name): read_topic(str(name)) for name in names} if isinstance(names, list) else {}
        acts: dict[str, Callable[[Topic, Outbox], None]] = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
        }
        act = acts.get(str(asked.get("op")))
        problem = "" if asked.get("op") == "ping" else self._problem(topics, act is not None)
        outbox.put(orjson.dumps(_told(asked, problem, conn_id)).decode())
        if act is not None and not problem:
            for topic in topics.values():
                if topic is not None:
                    act(topic, outbox)

    def _problem(self, topics: dict[str, Topic | None], known_op: bool) -> str:
        if not known_op:
            return "error:unknown op"
        if not topics or len(topics) > MOST_TOPICS:
            return f"error:1 to {MOST_TOPICS} args"
        now = self._world.now
        for name, topic in topics.items():
            instrument = self._instruments.get(topic.symbol) if topic else None
            if instrument is None or instrument.launched > now:
                return f"error:handler not found,topic:{name}"
        return ""

    def _subscribe(self, topic: Topic, outbox: Outbox) -> None:
        """Begin with how it is now: deltas build on that, so those before must have all deltas up to it."""
        if isinstance(topic, KlineTopic):
            self._wanted.setdefault(topic, set()).add(outbox)
            frame = self._forming(topic)
        else:
            if self._wanted.get(topic):
                self._tell_ticker(topic, unchanged=False)
            self._wanted.setdefault(topic, set()).add(outbox)
            frame = self._ticker_snapshot(topic)
        if frame is not None:
            outbox.put(orjson.dumps(frame).decode())

    def _ticker_snapshot(self, topic: TickerTopic) -> Json | None:
        row = ticker_row(self._world, self._instruments[topic.symbol])
        if row is None:
            return None
        self._tickers[topic.symbol] = row
        return ticker_frame(topic, row, self._world.now, snapshot=True)

    def _unsubscribe(self, topic: Topic, outbox: Outbox) -> None:
        outboxes = self._wanted.get(topic, set())
        outboxes.discard(outbox)
        if not outboxes:
            self._wanted.pop(topic, None)

    def _forget(self, outbox: Outbox) -> None:
        self._outboxes.discard(outbox)
        for topic in list(self._wanted):
            self._unsubscribe(topic, outbox)
        outbox.close()


def _told(asked: Json, problem: str, conn_id: str) -> Json:
    """The acknowledgement; req_id comes back as it was, type and all."""
    op = str(asked.get("op", ""))
    return {
        "success": not problem,
        "ret_msg": problem or ("pong" if op == "ping" else ""),
        "conn_id": conn_id,
        "req_id": asked.get("req_id", ""),
        "op": op,
    }


def _message(text: str) -> Json:
    try:
        value: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
