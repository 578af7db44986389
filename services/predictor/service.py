"""Keep the features of every series, and decide once on every symbol at every 15m close.

1. A symbol's decision depends on its own candles only: how those of different symbols interleave changes nothing.
2. A slot is decided once. After a restart it may be decided again, on the same rows: the signal is the same, id too.
3. What came too late to be acted on is declined, not decided.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from libs.common.bus import Bus, Delivery
from libs.common.clock import Clock, MarketClock
from libs.common.contracts.market import CandleClosed, CandleMissing, CandlesLoaded
from libs.common.contracts.message import Message
from libs.common.contracts.signals import SignalMade
from libs.common.errors import Transient
from libs.common.health import Health
from libs.common.locks import Leases
from libs.common.retry import backoff
from libs.common.units import Instant, Symbol, Timeframe
from services.predictor.core.features import MEMORY
from services.predictor.core.judgement import Case, Judgement, Policy, Reason, Verdict, coldness, signal_of
from services.predictor.core.series import Arrival, Series, series_of
from services.predictor.core.slots import PATIENCE_MS, SLOT, VALID_MS, Gathering, gathering, missing_at, slot_of

log = structlog.get_logger()

HISTORY: Final = "candles"  # what is waited for at the start
TICK_S: Final = 1.0  # leases are renewed, and waiting slots looked at, this often when nothing comes
MOST: Final = 500  # deliveries handled at once

Key = tuple[Symbol, Timeframe]


@dataclass(slots=True)
class Desk:
    """What is known of one symbol, and how far it has been decided."""

    series: dict[Timeframe, Series]
    slot: Instant = Instant(0)  # the newest 15m close that was heard of
    since: Instant = Instant(0)  # wall time when it was
    decided: Instant = Instant(0)

    def gathering(self) -> Gathering:
        return gathering(self.slot, self.closes())

    def can_be_judged(self) -> bool:
        return self.slot > self.decided and self.gathering() is not Gathering.WAITING

    def closes(self) -> Mapping[Timeframe, Instant]:
        return {timeframe: series.close_at for timeframe, series in self.series.items()}


@dataclass(slots=True)
class Predictor:
    """State of one replica. It knows every symbol, so that it can take over, and decides on its share.

    patience_ms: None waits for ever, where wall time may decide nothing (lockstep).
    """

    policy: Policy
    patience_ms: int | None = PATIENCE_MS
    reads: Sequence[str] = ("candle",)
    verdicts: dict[Symbol, Verdict] = field(default_factory=dict)
    counts: Counter[Reason] = field(default_factory=Counter)
    share: frozenset[Symbol] = frozenset()
    universe: frozenset[Symbol] = frozenset()  # every symbol that is fetched, as a fetcher told last
    loaded: frozenset[Symbol] = frozenset()  # those of it whose history is stored
    _desks: dict[Symbol, Desk] = field(default_factory=dict)
    _market: MarketClock = field(default_factory=MarketClock)

    @property
    def market_ms(self) -> Instant:
        """Market time: the newest `at` that was heard of."""
        return self._market.now()

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        return tuple(sorted(self._desks))

    def unknown(self, messages: Iterable[Message]) -> Sequence[Key]:
        """The series that must be restored before `decide` can take `messages`: new ones, and those with a hole."""
        known = {(symbol, frame): at for symbol, desk in self._desks.items() for frame, at in desk.closes().items()}
        unknown: dict[Key, None] = {}
        for message in messages:
            every = [(symbol, frame) for symbol in symbols_of(message) for frame in self.policy.timeframes]
            unknown |= dict.fromkeys(key for key in every if not known.get(key))
            if isinstance(message, CandleClosed | CandleMissing):
                key = (message.symbol, message.timeframe)
                if isinstance(message, CandleClosed) and key in every and message.open_at > known.get(key, 0):
                    unknown.setdefault(key)
                known[key] = max(known.get(key, Instant(0)), message.close_at)
        return list(unknown)

    def restore(self, key: Key, candles: Sequence[CandleClosed]) -> None:
        """Rebuild a series from its stored candles, oldest first; what they do not reach is kept as it was."""
        symbol, timeframe = key
        desk = self._desk(symbol)
        if candles and candles[-1].close_at >= desk.series[timeframe].close_at:
            desk.series[timeframe] = series_of(timeframe, candles)

    def decide(self, messages: Sequence[Message], now: Instant) -> Sequence[SignalMade]:
        """Take candles in the order of the stream and return the signals of the slots that they complete.

        now: wall time. Slots that have waited too long are declined on the way, also when nothing has come.
        """
        complete: dict[Symbol, None] = {}  # in the order in which their slots became so
        for message in messages:
            self._market.observe(message.at)
            if isinstance(message, CandlesLoaded):
                self.universe = frozenset(message.universe)
                self.loaded = (self.loaded | frozenset(message.loaded)) & self.universe
            if isinstance(message, CandleClosed | CandleMissing) and message.timeframe in self.policy.timeframes:
                desk = self._desk(message.symbol)
                take(desk, message, now)
                if desk.can_be_judged():
                    complete.setdefault(message.symbol)
                else:
                    complete.pop(message.symbol, None)  # a newer slot has opened, and waits
        signals = self._judge([symbol for symbol in (*complete, *self._left_over(complete)) if symbol in self.share])
        self._give_up(now)
        self._forget()
        return signals

    def _forget(self) -> None:
        """Let go of symbols that nobody fetches any more, once there is nothing left to decide on them.

        One that comes back is restored from its stored candles, like one that is new.
        """
        for symbol in self._desks.keys() - self.universe if self.universe else ():
            desk = self._desks[symbol]
            if desk.slot <= desk.decided or self._market.now() >= desk.slot + VALID_MS:
                del self._desks[symbol]
                self.verdicts.pop(symbol, None)

    def _desk(self, symbol: Symbol) -> Desk:
        if symbol not in self._desks:
            self._desks[symbol] = Desk({timeframe: Series(timeframe) for timeframe in self.policy.timeframes})
        return self._desks[symbol]

    def _left_over(self, complete: Mapping[Symbol, None]) -> Sequence[Symbol]:
        """Symbols that became ours after their slot was complete: nobody may have decided on them."""
        return [
            symbol for symbol, desk in sorted(self._desks.items()) if symbol not in complete and desk.can_be_judged()
        ]

    def _judge(self, symbols: Sequence[Symbol]) -> Sequence[SignalMade]:
        cases = [Case(symbol, self._desks[symbol].slot, self._desks[symbol].series) for symbol in symbols]
        obstacles = [self._obstacle(case) for case in cases]
        fit = [case for case, obstacle in zip(cases, obstacles, strict=True) if obstacle is None]
        judged = dict(zip((case.symbol for case in fit), self.policy.judge(fit), strict=True))
        signals = []
        for case, obstacle in zip(cases, obstacles, strict=True):
            judgement = obstacle or judged[case.symbol]
            self._close(case.symbol, case.slot, judgement)
            if judgement.side is not None:
                signals.append(signal_of(case, judgement, judgement.side, self.policy))
        return signals

    def _obstacle(self, case: Case) -> Judgement | None:
        """Why a case cannot be judged at all."""
        if self._desks[case.symbol].gathering() is Gathering.PASSED:
            return Judgement(None, Reason.STALE, "a later candle was there before this slot could be judged")
        if case.series[SLOT].newest_at != case.slot:
            return Judgement(None, Reason.INCOMPLETE, f"the venue has no {SLOT} candle for this slot")
        if self._market.now() >= case.slot + VALID_MS:
            return Judgement(None, Reason.STALE, "the market was past this slot before it could be judged")
        cold = coldness(case)
        return Judgement(None, Reason.WARMING_UP, cold) if cold else None

    def _give_up(self, now: Instant) -> None:
        """Decline the slots of our share that have waited longer than patience lasts."""
        if self.patience_ms is None:
            return
        for symbol in sorted(self.share & self._desks.keys()):
            desk = self._desks[symbol]
            waiting = desk.slot > desk.decided and desk.gathering() is Gathering.WAITING
            if waiting and now - desk.since >= self.patience_ms:
                late = ", ".join(missing_at(desk.slot, desk.closes()))
                lacking = f"{late} did not come within {self.patience_ms / 1_000:g} s"
                self._close(symbol, desk.slot, Judgement(None, Reason.INCOMPLETE, lacking))

    def _close(self, symbol: Symbol, slot: Instant, judgement: Judgement) -> None:
        self._desks[symbol].decided = slot
        self.verdicts[symbol] = Verdict(symbol, slot, judgement)
        self.counts[judgement.reason] += 1
        log.debug("slot.decided", symbol=symbol, slot=slot, reason=judgement.reason, rationale=judgement.rationale)


def symbols_of(message: Message) -> Sequence[Symbol]:
    """Whose candles a message tells of."""
    if isinstance(message, CandlesLoaded):
        return message.loaded
    return (message.symbol,) if isinstance(message, CandleClosed | CandleMissing) else ()


def take(desk: Desk, message: CandleClosed | CandleMissing, now: Instant) -> None:
    """Move the candle's series on, and open its slot if it is a newer one."""
    series = desk.series[message.timeframe]
    if isinstance(message, CandleMissing):
        series.pass_over(message.close_at)
    elif series.arrival(message.open_at) is not Arrival.OLD:
        series.take(message)
    slot = slot_of(message.close_at)
    if slot > desk.slot:
        desk.slot, desk.since = slot, now


async def predict(predictor: Predictor, *, bus: Bus, leases: Leases, clock: Clock, health: Health) -> None:
    """Handle candles for ever, as many at once as have come: a model's call costs more than a row."""
    arrived: asyncio.Queue[Delivery | None] = asyncio.Queue(MOST)
    health.wait_for(HISTORY, "the fetcher has not told of its history yet")
    async with asyncio.TaskGroup() as group:
        group.create_task(_fill(arrived, bus.read(predictor.reads)))
        group.create_task(_tick(arrived, clock))
        while True:
            batch = [await arrived.get()]
            while not arrived.empty():
                batch.append(arrived.get_nowait())
            deliveries = [delivery for delivery in batch if delivery is not None]
            await handle(predictor, deliveries, ticked=None in batch, bus=bus, leases=leases, clock=clock)
            report(predictor, health)


async def _fill(arrived: asyncio.Queue[Delivery | None], deliveries: AsyncIterator[Delivery]) -> None:
    async for delivery in deliveries:
        await arrived.put(delivery)


async def _tick(arrived: asyncio.Queue[Delivery | None], clock: Clock) -> None:
    while True:
        await arrived.put(None)
        await clock.sleep(TICK_S)


async def handle(
    predictor: Predictor, deliveries: Sequence[Delivery], *, ticked: bool, bus: Bus, leases: Leases, clock: Clock
) -> None:
    """Restore what is unknown, decide, publish, then acknowledge: a crash repeats work, it never loses it."""
    messages = [delivery.message for delivery in deliveries]
    await insist(lambda: prepare(predictor, messages, ticked=ticked, bus=bus, leases=leases), clock)
    signals = predictor.decide(messages, clock.now())
    await insist(lambda: bus.publish(*signals), clock)
    for signal in signals:
        log.info("signal.made", symbol=signal.symbol, side=signal.side, why=signal.decision.rationale)
    for delivery in deliveries:
        await bus.ack(delivery)


async def prepare(predictor: Predictor, messages: Sequence[Message], *, ticked: bool, bus: Bus, leases: Leases) -> None:
    """Restore the series that `messages` build on, and claim our share of the symbols."""
    strangers = len(predictor.symbols)
    for key in predictor.unknown(messages):
        predictor.restore(key, await bus.series(*key, newest=MEMORY))
    if ticked or len(predictor.symbols) > strangers:
        predictor.share = await leases.claim(predictor.symbols)


async def insist(action: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Try again while Redis is away: what was decided must not be decided anew."""
    for wait in backoff(first=0.1, ceiling=2):
        try:
            return await action()
        except Transient as error:
            log.warning("redis.missed", error=str(error), wait_s=wait)
            await clock.sleep(wait)
    raise AssertionError("a back-off has no end")


def report(predictor: Predictor, health: Health) -> None:
    """Say how far the stream is handled, how often each reason decided, and whether every series is restored."""
    if predictor.universe and predictor.universe <= predictor.loaded:
        health.done_with(HISTORY)
    health.market_ms = predictor.market_ms
    health.facts.update({f"slots_{reason}": times for reason, times in predictor.counts.items()})
