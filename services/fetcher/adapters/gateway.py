"""The loops round the decisions: hear the feed, ask over REST, share the symbols, say how far we are.

Several connections may be open: a symbol that is gained later has one of its own, so that nobody else's feed is cut.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from libs.common.clock import Clock
from libs.common.contracts.market import CandleClosed, CandlesLoaded, PriceMoved
from libs.common.contracts.message import Message
from libs.common.errors import Refused, Transient
from libs.common.exchange.market_types import Candle, FeedDown, FeedEvent, FeedUp, Instrument, PriceFrame
from libs.common.health import Health
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.adapters.candle_files import CandleFiles
from services.fetcher.adapters.outbox import Outbox, Reached, Verify
from services.fetcher.adapters.outside import Outside
from services.fetcher.adapters.reports import Reporting, Reports
from services.fetcher.core.catch_up import Ask, Effect, End, Lane, Loss
from services.fetcher.core.outliers import WINDOW

log = structlog.get_logger()

LOOK_S: Final = 1.0
GATHER_S: Final = 0.005  # that prices wait for each other
ASK_S: Final = 0.1
LOADED_S: Final = 10.0
FILES_S: Final = 300.0
VERIFY_S: Final = 5.0
CONNECTIONS: Final = 8
ASKING: Final = 16  # questions of a lane at once: an answer is kept until what was decided before is out


class Decisions(Reporting, Protocol):
    """What the loops need of the fetcher's state; see services.fetcher.service."""

    timeframes: tuple[Timeframe, ...]

    @property
    def wanted(self) -> tuple[Symbol, ...]: ...
    @property
    def ended(self) -> frozenset[Symbol]: ...
    @property
    def reached(self) -> Instant | None: ...
    def gain(self, symbol: Symbol, stored: dict[Timeframe, Instant | None], wall: Instant) -> None: ...
    def recall(self, candles: Sequence[CandleClosed]) -> None: ...
    def lose(self, symbol: Symbol) -> None: ...
    def wants_listing(self, wall: Instant) -> bool: ...
    def see_listed(self, instruments: Sequence[Instrument], wall: Instant) -> frozenset[Symbol]: ...
    def see_position(self, message: Message) -> None: ...
    def hear(self, event: FeedEvent, symbols: Iterable[Symbol], wall: Instant) -> Sequence[Effect]: ...
    def watch(self, wall: Instant) -> None: ...
    def asks(self, wall: Instant, room: Mapping[Lane, int]) -> Sequence[Ask]: ...
    def answered(self, ask: Ask, answer: Sequence[Candle], wall: Instant) -> Sequence[Effect]: ...
    def failed(self, ask: Ask, wall: Instant, *, is_refused: bool) -> None: ...
    def due_prices(self, wall: Instant, interval_ms: int) -> Sequence[PriceMoved]: ...
    @property
    def prices_wait(self) -> bool: ...
    def loaded(self) -> CandlesLoaded: ...
    @property
    def ends(self) -> Sequence[End]: ...
    def lost(self, loss: Loss, wall: Instant) -> None: ...


@dataclass(slots=True)
class Connection:
    symbols: frozenset[Symbol]
    hearing: asyncio.Task[None]


class Gateway:
    """price_interval_ms: least wall time between prices of one symbol; 0 tells every one at once."""

    def __init__(
        self,
        fetcher: Decisions,
        files: CandleFiles,
        outside: Outside,
        health: Health,
        clock: Clock,
        price_interval_ms: int,
    ) -> None:
        self._fetcher, self._files = fetcher, files
        self._bus, self._leases, self._feed = outside.bus, outside.leases, outside.feed
        self._health, self._clock = health, clock
        self._interval_ms = price_interval_ms
        self._outbox = Outbox(outside.bus, archive=files, health=health, clock=clock, lost=self._lost)
        self._reports = Reports(fetcher, health, clock)
        self._moved = asyncio.Event()
        self._asking: Counter[Lane] = Counter()
        self._connections: list[Connection] = []
        self._reached: Instant | None = None
        self._told: frozenset[Symbol] | None = None  # the share that was last said to be loaded

    async def run(self) -> None:
        """Fetch for ever; when told to stop, give the symbols back and write what waits."""
        self._health.wait_for("history")
        try:
            async with asyncio.TaskGroup() as tasks:
                for loop in (self._outbox.run, self._learn_positions, self._tell_prices):
                    tasks.create_task(loop())
                for chore in (self._keep_files, self._verify_series):
                    tasks.create_task(chore())
                for spreading in (self._ask_what_is_due, self._watch_listing):
                    tasks.create_task(spreading(tasks))
                tasks.create_task(self._say_loaded())
                await self._look_after_share(tasks)
        finally:
            await self._leases.release()
            await self._files.flush()

    async def _look_after_share(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                await self._share(tasks, await self._leases.claim(self._fetcher.wanted))
            except Transient as error:
                log.warning("share.unknown", reason=str(error))  # nobody else can take it either
            self._fetcher.watch(self._clock.now())
            self._reports.look(self._told or frozenset())
            await self._clock.sleep(LOOK_S)

    async def _share(self, tasks: asyncio.TaskGroup, share: frozenset[Symbol]) -> None:
        """Drop what was lost, take up what was gained, and hear of it."""
        lost = self._fetcher.share - share
        gained = [symbol for symbol in self._fetcher.wanted if symbol in share - self._fetcher.share]
        for symbol in lost:
            self._fetcher.lose(symbol)
        stored = await self._stored(gained)
        await self._recall(gained)
        for symbol in gained:
            self._fetcher.gain(symbol, stored[symbol], self._clock.now())
        if lost or gained:
            log.info("share.changed", gained=gained, lost=sorted(lost), symbols=len(share))
        self._connect(tasks, gained)

    async def _stored(self, symbols: Sequence[Symbol]) -> dict[Symbol, dict[Timeframe, Instant | None]]:
        """Where each series ends in Redis; what the files lack of it is copied there."""
        keys = [(symbol, timeframe) for symbol in symbols for timeframe in self._fetcher.timeframes]
        found = dict(zip(keys, await self._bus.series_ends(keys), strict=True))
        filed = await self._files.ends(keys)
        for key, end in found.items():
            if end is not None and (filed[key] or -1) < end:
                for candle in await self._bus.series(*key, since=Instant((filed[key] or 0) + 1)):
                    self._files.note(candle)
        return {symbol: {frame: found[symbol, frame] for frame in self._fetcher.timeframes} for symbol in symbols}

    async def _recall(self, symbols: Sequence[Symbol]) -> None:
        """Have the newest candles of each series at hand, for the next one to be judged by."""
        for symbol in symbols:
            for timeframe in self._fetcher.timeframes:
                self._fetcher.recall(await self._bus.series(symbol, timeframe, newest=WINDOW))

    def _connect(self, tasks: asyncio.TaskGroup, gained: Sequence[Symbol]) -> None:
        share = self._fetcher.share
        for connection in [c for c in self._connections if not c.symbols & share]:
            self._disconnect(connection)
        wanted = list(gained)
        if gained and len(self._connections) >= CONNECTIONS:
            for connection in list(self._connections):
                self._disconnect(connection)
            wanted = [symbol for symbol in self._fetcher.wanted if symbol in share - self._fetcher.ended]
        self._open(tasks, wanted)

    def _open(self, tasks: asyncio.TaskGroup, symbols: Sequence[Symbol]) -> None:
        if symbols:
            self._connections.append(Connection(frozenset(symbols), tasks.create_task(self._hear(symbols))))

    def _disconnect(self, connection: Connection) -> None:
        connection.hearing.cancel()
        self._connections.remove(connection)

    async def _hear(self, symbols: Sequence[Symbol]) -> None:
        """Take the events of one connection in their order."""
        async for event in self._feed.live(symbols, self._fetcher.timeframes):
            await self._outbox.room()
            self._outbox.put(*self._fetcher.hear(event, symbols, self._clock.now()))
            match event:
                case PriceFrame():
                    self._price_heard()
                case FeedUp():
                    log.info("feed.connected", symbols=len(symbols))
                    self._health.done_with("market feed")
                case FeedDown(reason=reason):
                    log.warning("feed.lost", reason=reason, symbols=len(symbols))
                    self._health.wait_for("market feed", reason)

    def _price_heard(self) -> None:
        if self._interval_ms:
            self._moved.set()
        else:
            self._put_prices()

    def _say_reached(self) -> None:
        """Say after everything that was decided how far the market is decided, once."""
        at = self._fetcher.reached
        if at is not None and at != self._reached:
            self._reached = at
            self._outbox.put(Reached(at))

    async def _tell_prices(self) -> None:
        """Tell what is due, of all symbols together: a round trip each would cost more than the wait for company."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            self._put_prices()
            await self._clock.sleep(GATHER_S)
            if self._fetcher.prices_wait:
                self._moved.set()

    def _put_prices(self) -> None:
        self._outbox.put(*self._fetcher.due_prices(self._clock.now(), self._interval_ms))
        self._say_reached()

    async def _ask_what_is_due(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            self._fill_lanes(tasks)
            self._say_reached()  # where nothing turned out to be missing; the market may be waiting for this
            await self._clock.sleep(ASK_S)

    def _fill_lanes(self, tasks: asyncio.TaskGroup) -> None:
        room = {lane: ASKING - self._asking[lane] for lane in Lane}
        for ask in self._fetcher.asks(self._clock.now(), room):
            self._asking[ask.lane] += 1
            tasks.create_task(self._ask(tasks, ask))

    async def _ask(self, tasks: asyncio.TaskGroup, ask: Ask) -> None:
        symbol, timeframe = ask.key
        try:
            answer = await self._files.candles(ask.key, ask.start, ask.limit)
            if not answer:
                answer = await self._feed.candles(symbol, timeframe, start=ask.start, limit=ask.limit)
            await self._outbox.room()
            self._outbox.put(*self._fetcher.answered(ask, answer, self._clock.now()))
            self._say_reached()
        except (Transient, Refused) as error:
            log.warning("history.delayed", symbol=symbol, timeframe=timeframe, reason=str(error))
            self._fetcher.failed(ask, self._clock.now(), is_refused=isinstance(error, Refused))
        finally:
            self._asking[ask.lane] -= 1
        self._fill_lanes(tasks)

    async def _watch_listing(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            if self._fetcher.wants_listing(self._clock.now()):
                await self._see_listing(tasks)
            await self._clock.sleep(LOOK_S)

    async def _see_listing(self, tasks: asyncio.TaskGroup) -> None:
        """Have no connection name what has ended: the venue would refuse all of it at the next reconnect."""
        try:
            listed = await self._feed.instruments()
        except (Transient, Refused) as error:
            log.warning("listing.unknown", reason=str(error))
            return
        ended = self._fetcher.see_listed(listed, self._clock.now())
        if ended:
            log.warning("symbols.ended", symbols=sorted(ended))
        for connection in [each for each in self._connections if each.symbols & ended]:
            self._disconnect(connection)
            self._open(tasks, sorted((connection.symbols & self._fetcher.share) - self._fetcher.ended))

    async def _learn_positions(self) -> None:
        """Held symbols come first: their prices move stops."""
        async for delivery in self._bus.read(["position"]):
            self._fetcher.see_position(delivery.message)
            await self._bus.ack(delivery)

    async def _say_loaded(self) -> None:
        """Tell readers what is complete: when it changes, and again for those that came later."""
        silent_s = 0.0
        while True:
            complete = self._fetcher.share - self._fetcher.loading
            is_new = complete != self._told and bool(complete) and not self._fetcher.loading
            if is_new:
                await self._outbox.flushed()
                await self._write_files()
                log.info("history.loaded", symbols=len(complete))
            if is_new or (complete and silent_s >= LOADED_S):
                self._told, silent_s = complete, 0.0
                self._outbox.put(self._fetcher.loaded())
                self._reports.look(complete)
            await self._clock.sleep(ASK_S)  # whoever waits for the history waits for this
            silent_s += ASK_S

    async def _keep_files(self) -> None:
        """Write what waits now and then, and at once when it is much."""
        waited_s = 0.0
        while True:
            await self._clock.sleep(LOOK_S)
            waited_s += LOOK_S
            if waited_s >= FILES_S or self._files.is_full:
                waited_s = 0.0
                await self._write_files()

    async def _write_files(self) -> None:
        """What was torn has lost candles: all that Redis has of our series is filed again."""
        if not await self._files.flush():
            await self._stored(sorted(self._fetcher.share))
            await self._files.flush()

    async def _verify_series(self) -> None:
        """See whether Redis still has what it was given: readers need the series long before the next candle."""
        while True:
            await self._clock.sleep(VERIFY_S)
            self._outbox.put(Verify(self._fetcher.ends))

    def _lost(self, loss: Loss) -> None:
        self._fetcher.lost(loss, self._clock.now())
