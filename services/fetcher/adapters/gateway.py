"""The loops round the decisions: hear the feed, ask over REST, share the symbols, say how far we are."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import structlog

from libs.common.clock import Clock
from libs.common.errors import Refused, Transient
from libs.common.exchange.market_types import FeedDown, FeedUp, PriceFrame
from libs.common.health import Health
from libs.common.locks.held import LEASE_MS, Moment
from libs.common.retry import backoff
from libs.common.units import Instant, Symbol
from services.fetcher.adapters.choosing import Choosing
from services.fetcher.adapters.connections import Connections
from services.fetcher.adapters.decisions import Decisions
from services.fetcher.adapters.outbox import Outbox, Reached, Verify
from services.fetcher.adapters.outside import Outside
from services.fetcher.adapters.reports import Reports
from services.fetcher.adapters.stored import Stored
from services.fetcher.core.catch_up import Ask, Lane, Loss

log = structlog.get_logger()

LOOK_S: Final = 1.0
GATHER_S: Final = 0.007  # that prices wait for each other
TURNS: Final = 3  # of the loop, in which the last of the frames that arrived together is handed on
ASK_S: Final = 0.1
LOADED_S: Final = 10.0
FILES_S: Final = 300.0
FULL_S: Final = 0.25  # between looks whether much waits to be written: a start brings it fast
LAST_S: Final = 1.5  # whoever stops us kills us after 4
VERIFY_S: Final = 5.0
RECENT: Final = 200  # events that a start looks back on: more than there are between two snapshots of positions
TOGETHER: Final = 10  # symbols that are taken up at once: a few round trips, and a lease can wait so long
ASKING: Final = 16  # questions of a lane at once: an answer is kept until what was decided before is out


class Gateway:
    """price_interval_ms: least wall time between prices of one symbol on average; 0 tells every one at once."""

    reads: Final = ("position", "order")

    def __init__(
        self,
        fetcher: Decisions,
        choosing: Choosing,
        outside: Outside,
        health: Health,
        clock: Clock,
        price_interval_ms: int,
    ) -> None:
        self._fetcher, self._choosing, self._files = fetcher, choosing, outside.files
        self._bus, self._leases, self._feed = outside.bus, outside.leases, outside.feed
        self._health, self._clock = health, clock
        self._interval_ms = price_interval_ms
        self._outbox = Outbox(outside.bus, archive=outside.files, health=health, clock=clock, lost=self._lost)
        self._reports = Reports(fetcher, health, clock)
        self._moved = asyncio.Event()
        self._asking: Counter[Lane] = Counter()
        self._connections = Connections(self._hear)
        self._stored = Stored(outside.bus, outside.files, fetcher.timeframes)
        self._reached: Instant | None = None
        self._due: int | None = None  # the market hour for which a choice was asked for at once
        nothing = frozenset[Symbol]()
        self._told = nothing, nothing  # of what is wanted, what was loaded
        self._claim_now, self._choose_now = asyncio.Event(), asyncio.Event()
        self._claimed_at, self._claimed = Moment.now(clock), asyncio.Event()

    async def run(self) -> None:
        """Fetch for ever; when told to stop, give the symbols back and write what waits."""
        self._health.wait_for("history")
        self._health.look = self._look
        try:
            await self._recall()
            async with asyncio.TaskGroup() as tasks:
                for loop in (self._outbox.run, self._learn, self._tell_prices, self._follow_universe):
                    tasks.create_task(loop())
                for chore in (self._beat, self._keep_files, self._verify_series):
                    tasks.create_task(chore())
                tasks.create_task(self._ask_what_is_due(tasks))
                tasks.create_task(self._say_loaded())
                await self._look_after_share(tasks)
        finally:
            await self._leases.release()
            await self._write_last()

    async def _write_last(self) -> None:
        """Write what waits, unless it takes longer than we are waited for: then the next start copies it from Redis."""
        try:
            async with asyncio.timeout(LAST_S):
                await self._files.flush()
        except TimeoutError:
            log.warning("candles.left_to_redis")

    async def _beat(self) -> None:
        """Let the share and the universe be looked after at least this often."""
        while True:
            await self._clock.sleep(LOOK_S)
            self._claim_now.set()
            self._choose_now.set()

    async def _look_after_share(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            self._claim_now.clear()
            began, wanted = Moment.now(self._clock), self._fetcher.wanted
            share = await self._leases.claim(wanted, urgent=self._fetcher.urgent)
            if await self._share(tasks, share):
                self._fetcher.claimed(wanted, unowned=self._leases.unowned)
            self._claimed_at = began
            self._claimed.set()
            self._fetcher.watch(self._clock.now())
            self._reports.look(self._told[1])
            await self._claim_now.wait()

    async def _sure(self) -> None:
        """Wait for the next claim where our leases may have run out since the last one.

        A process that was stopped wakes up with frames and prices of symbols that others fetch by now.
        """
        while self._claimed_at.age_ms(self._clock) >= LEASE_MS:
            self._claimed.clear()
            self._claim_now.set()
            await self._claimed.wait()

    async def _share(self, tasks: asyncio.TaskGroup, share: frozenset[Symbol]) -> bool:
        """Drop what was lost, take up what was gained, and hear of it; return whether that was all of it.

        Taking up reads Redis and files: what takes longer than a lease can wait is left to the next look.
        """
        lost, began = self._fetcher.share - share, self._clock.monotonic_ms()
        for symbol in lost:
            self._fetcher.lose(symbol)
        await self._stored.let_go(lost.difference(self._fetcher.wanted))
        gained: list[Symbol] = []
        new = share - self._fetcher.share
        missing = [symbol for symbol in self._fetcher.wanted if symbol in new]
        for together in (missing[n : n + TOGETHER] for n in range(0, len(missing), TOGETHER)):
            if self._clock.monotonic_ms() - began >= LOOK_S * 1_000:
                self._claim_now.set()
                break
            try:
                gained += await self._take_up(together)
            except Transient as error:
                log.warning("share.unknown", symbols=together, reason=str(error))
                break  # what was taken up is heard all the same
        if lost or gained:
            log.info("share.changed", gained=gained, lost=sorted(lost), symbols=len(self._fetcher.share))
        self._connections.follow(tasks, gained, self._fetcher.wanted, self._fetcher.share, self._fetcher.listing)
        return self._fetcher.share == share

    async def _take_up(self, symbols: Sequence[Symbol]) -> Sequence[Symbol]:
        """Begin with these symbols where Redis ends, and return those that are still wanted by then."""
        taken = await self._stored.taken_up(symbols)
        still = frozenset(self._fetcher.wanted)
        wanted = [symbol for symbol in symbols if symbol in still]
        for symbol in wanted:
            self._fetcher.recall(taken[symbol].newest)
            self._fetcher.gain(symbol, taken[symbol].ends, self._clock.now())
        return wanted

    async def _follow_universe(self) -> None:
        """Take over what the fetchers choose, and choose with them; a venue or Redis that is away is asked again."""
        while True:
            self._choose_now.clear()
            now = self._clock.now()
            due, is_doubtful = self._fetcher.turn_due(now), self._fetcher.doubts(now)
            listing, is_known = None, True
            try:
                listing = await self._choosing.renew(due, idle=not self._fetcher.traded, doubtful=is_doubtful)
            except (Transient, Refused) as error:
                log.warning("universe.unknown", reason=str(error))
                is_known = False
            if listing is not None:
                self._fetcher.adopt(listing)
                self._claim_now.set()
            if is_doubtful:
                self._fetcher.looked(now, is_known=is_known)
            await self._choose_now.wait()

    async def _hear(self, symbols: Sequence[Symbol]) -> None:
        """Take the events of one connection in their order."""
        async for event in self._feed.live(symbols, self._fetcher.timeframes):
            await self._outbox.room()
            await self._sure()
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
            due = self._fetcher.turn_due(self._clock.now())
            if due is not None and due != self._due:
                self._due = due
                self._choose_now.set()
            self._reached = at
            self._outbox.put(Reached(at))

    async def _tell_prices(self) -> None:
        """Tell what is due, of all symbols together: a round trip each would cost more than the wait for company."""
        while True:
            await self._moved.wait()
            for _ in range(TURNS):
                await self._clock.sleep(0)
            self._moved.clear()
            await self._sure()
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
            await self._sure()
            self._outbox.put(*self._fetcher.answered(ask, answer, self._clock.now()))
            self._say_reached()
        except (Transient, Refused) as error:
            log.warning("history.delayed", symbol=symbol, timeframe=timeframe, reason=str(error))
            self._fetcher.failed(ask, self._clock.now(), is_refused=isinstance(error, Refused))
        finally:
            self._asking[ask.lane] -= 1
        self._fill_lanes(tasks)

    async def _recall(self) -> None:
        """Know which symbols are busy before any is claimed: positions last, since what was filled may be closed."""
        for wait in backoff(first=0.1, ceiling=2.0):
            try:
                recent = [await self._bus.recent(stream, RECENT) for stream in reversed(self.reads)]
            except Transient as error:
                log.warning("positions.unknown", reason=str(error))
                await self._clock.sleep(wait)
                continue
            for message in [message for messages in recent for message in messages]:
                self._fetcher.see(message)
            return

    async def _learn(self) -> None:
        """Symbols with a position or an entry come first: their prices move stops."""
        async for delivery in self._bus.read(self.reads):
            before = self._fetcher.wanted
            self._fetcher.see(delivery.message)
            if self._fetcher.wanted != before:
                self._claim_now.set()
            await self._bus.ack(delivery)

    async def _say_loaded(self) -> None:
        """Tell readers what is complete: when it or what is wanted changes, and again for those that came later."""
        silent_s = 0.0
        while True:
            word = frozenset(self._fetcher.wanted), self._fetcher.share - self._fetcher.loading
            complete = word[1]
            is_new = word != self._told and bool(complete) and not self._fetcher.loading
            if is_new:
                await self._outbox.flushed()
                log.info("history.loaded", symbols=len(complete))
            if is_new or (complete and silent_s >= LOADED_S):
                self._told, silent_s = word, 0.0
                self._outbox.put(self._fetcher.loaded())
                self._reports.look(complete)
            if is_new:
                await self._stored.written(self._fetcher.share)
            await self._clock.sleep(ASK_S)  # whoever waits for the history waits for this
            silent_s += ASK_S

    async def _keep_files(self) -> None:
        """Write what waits now and then, and at once when it is much."""
        waited_s = 0.0
        while True:
            await self._clock.sleep(FULL_S)
            waited_s += FULL_S
            if waited_s >= FILES_S or self._files.is_full:
                waited_s = 0.0
                await self._stored.written(self._fetcher.share)

    async def _verify_series(self) -> None:
        """See whether Redis still has what it was given: readers need the series long before the next candle."""
        while True:
            await self._clock.sleep(VERIFY_S)
            self._outbox.put(Verify(self._fetcher.ends))

    def _lost(self, loss: Loss) -> None:
        self._fetcher.lost(loss, self._clock.now())

    def _look(self) -> None:
        """In lockstep the market waits until symbols that came, went or changed hands have their fetcher."""
        self._health.in_flight = 0 if self._fetcher.is_settled else 1
