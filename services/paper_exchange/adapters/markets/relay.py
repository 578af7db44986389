"""The relay: keeps a market fed with what another Bybit-v5 venue tells in public, whatever happens to that venue.

1. A session is subscribed before it asks for what was missed, and only then moves the market: nothing falls between.
2. Frames that cannot be read are left out; a session that ends is followed by another, after a growing pause.
3. Orders are refused when nothing was heard for `STALE_MS` of wall time, or until what was missed is played.
"""

import asyncio
from collections import deque
from random import Random
from typing import Final

import structlog

from libs.common.clock import Clock, iso
from libs.common.errors import Poison, Transient
from libs.common.health import Health
from libs.common.retry import backoff
from libs.common.units import MINUTE_MS, Instant, Symbol
from services.paper_exchange.adapters.markets.live_market import LiveMarket
from services.paper_exchange.adapters.markets.upstream_stream import UpstreamStream, upstream_stream
from services.paper_exchange.adapters.markets.upstream_tasks import together
from services.paper_exchange.core.relayed.upstream_frames import Answered, read_frame

log = structlog.get_logger()

STALE_MS: Final = 3_000  # wall
JITTER_MS: Final = 100  # wall: topics of one moment come one after the other, and are put in order in this time
TURN_S: Final = 0.02
OVERDUE_MS: Final = 2_000  # wall: a candle that closed is told within a second
LOOK_S: Final = 1.0
SILENT_EVERY_MS: Final = 60_000  # wall, between questions about a symbol whose candles have stopped
MOST_BACK_MS: Final = MINUTE_MS  # the venue's time may go back so far, when it restarts; more is another market
WAITING: Final = "upstream"  # what health calls it


class Relay:
    def __init__(self, market: LiveMarket, url: str, *, clock: Clock, dice: Random, health: Health) -> None:
        self._market = market
        self._history = market.history
        self._url = url
        self._clock = clock
        self._dice = dice
        self._health = health
        self._arrived: deque[tuple[float, Instant]] = deque()  # when, and the market's time that it told of
        self._newest = market.horizon
        self._is_filled = False
        self._heard_at: float | None = None  # monotonic: when this session last heard anything
        self._live_at: float | None = None  # and when the market was last known to be as it is
        self._why = "not connected yet"
        self._overdue: dict[Symbol, float] = {}

    async def run(self) -> None:
        """Listen for ever, and begin again whenever that ends."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look())
            waits = backoff(first=0.25, ceiling=15, dice=self._dice)
            while True:
                try:
                    await self._session()
                except Transient as error:
                    self._why = str(error)
                    log.warning("upstream.lost", reason=self._why)
                if self._is_filled:
                    waits = backoff(first=0.25, ceiling=15, dice=self._dice)
                self._is_filled = False
                await self._clock.sleep(next(waits))

    async def _session(self) -> None:
        """Listen until the stream ends; raises Transient."""
        self._heard_at = None
        async with upstream_stream(self._url) as stream:
            for listing in self._market.listings.values():
                listing.book.clear()
            await stream.subscribe(list(self._market.listings))
            async with together() as tasks:
                tasks.create_task(stream.ping(self._clock))
                tasks.create_task(self._listen(stream))
                tasks.create_task(self._mend(stream))

    async def _listen(self, stream: UpstreamStream) -> None:
        unread = 0
        while True:
            text = await stream.next()
            self._heard_at = self._clock.monotonic_ms()
            try:
                heard = read_frame(text)
            except Poison as error:
                unread += 1
                if unread & (unread - 1) == 0:  # the first, second, fourth …
                    log.warning("upstream.unreadable", reason=str(error), frames=unread)
                continue
            if isinstance(heard, Answered):
                stream.unanswered -= heard.op == "subscribe"
                if not heard.succeeded:
                    log.warning("upstream.refused", text=heard.text)
                continue
            if heard.at < self._market.horizon - MOST_BACK_MS:
                raise Transient(f"its market is at {iso(heard.at)}, ours at {iso(self._market.horizon)}")
            if (symbol := self._market.hear(heard)) is not None:
                log.warning("upstream.levels_lost", symbol=symbol)
                await stream.ask_for_levels(symbol)
            if heard.at > self._newest:
                self._newest = heard.at
                self._arrived.append((self._clock.monotonic_ms(), heard.at))

    async def _mend(self, stream: UpstreamStream) -> None:
        """Fill in what was missed before this session, then what the stream fails to tell."""
        since = self._market.horizon
        self._why = "catching up"
        await self._history.catch_up(since, max(self._newest, await self._history.now()))
        await stream.subscribed(self._clock)
        self._is_filled = True
        log.info("upstream.live", missed_ms=self._newest - since)
        while True:
            await self._clock.sleep(LOOK_S)
            await stream.subscribed(self._clock)
            for symbol in self._market.without_levels():
                await stream.ask_for_levels(symbol)  # its snapshot was lost, or is on its way
            try:
                await self._close_overdue()
                await self._history.deepen_next()
            except Transient as error:  # the stream goes on without it
                log.warning("upstream.unanswered", reason=str(error))

    async def _close_overdue(self) -> None:
        """Ask for minutes that nobody told."""
        wall, unclosed = self._clock.monotonic_ms(), self._market.unclosed(self._newest)
        self._overdue = {symbol: self._overdue.get(symbol, wall) for symbol in unclosed}
        for symbol, since in list(self._overdue.items()):
            is_silent = self._market.listings[symbol].silent
            if wall - since > (SILENT_EVERY_MS if is_silent else OVERDUE_MS):
                self._overdue[symbol] = wall
                await self._close_minutes(symbol)

    async def _close_minutes(self, symbol: Symbol) -> None:
        """Ask for a symbol's minutes; one that has none any more does not hold up the others."""
        listing = self._market.listings[symbol]
        await self._history.close_minutes(symbol, self._newest)
        is_silent = symbol in self._market.unclosed(self._newest)
        if is_silent != listing.silent:
            log.warning("upstream.symbol_silent" if is_silent else "upstream.symbol_back", symbol=symbol)
        listing.silent = is_silent

    async def _look(self) -> None:
        """Move the market up to what was heard, and say whether it may be traded."""
        until = self._market.horizon
        while True:
            wall = self._clock.monotonic_ms()
            while self._arrived and self._arrived[0][0] <= wall - JITTER_MS:
                until = self._arrived.popleft()[1]
            if self._is_filled and self._heard_at is not None:  # questions may be answered while the stream is silent
                self._live_at = self._heard_at
                self._market.release(until)
            self._say(wall)
            await self._clock.sleep(TURN_S)

    def _say(self, wall: float) -> None:
        is_live = self._live_at is not None and wall - self._live_at <= STALE_MS
        self._market.silence = "" if is_live else f"the venue that makes the market is not heard: {self._why}"
        if is_live:
            self._health.done_with(WAITING)
        else:
            self._health.wait_for(WAITING, self._why)
