"""The state of one fetcher: its share of the symbols, what of them is told, and what must be asked.

Everything here is a decision; adapters hear, ask, store and publish. `wall` is wall time, everything else market.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from libs.common.clock import MarketClock
from libs.common.contracts.market import CandleClosed, CandlesLoaded, PriceMoved
from libs.common.contracts.message import Message, message_id
from libs.common.contracts.orders import OrderMessage
from libs.common.contracts.positions import PositionChanged, PositionClosed, PositionOpened, PositionSnapshot
from libs.common.exchange.market_types import (
    Candle,
    CandleClosedFrame,
    FeedDown,
    FeedEvent,
    FeedUp,
    PriceFrame,
)
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.core.busy import Busy
from services.fetcher.core.catch_up import Ask, CatchUp, Effect, End, Key, Lane, Loss
from services.fetcher.core.choice import Listing, turn_of
from services.fetcher.core.freshness import Freshness, Stale, in_the_way
from services.fetcher.core.prices import Conflation
from services.fetcher.core.progress import Progress
from services.fetcher.core.quarantine import Kind
from services.fetcher.core.shares import wanted

DOUBT_MS: Final = 5_000  # wall between looks at what the venue lists while something is hard to explain
QUIET_MS: Final = 30_000  # wall without a price after which a symbol is hard to explain
SILENT_MS: Final = 10_000  # wall that a symbol may be silent after the feed came up, before it is taken as it is


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A symbol that was gained and of which no price was heard yet."""

    stored: dict[Timeframe, Instant | None]
    launched: Instant


@dataclass(slots=True)
class Fetcher:
    """See the module. listing: what all fetchers share; history: how many candles a series is given at first.

    stale_ms: wall time that a candle may be late before its series is stale.
    """

    listing: Listing
    timeframes: tuple[Timeframe, ...]
    history: int
    stale_ms: int
    share: frozenset[Symbol] = frozenset()
    busy: Busy = field(default_factory=Busy)
    market: MarketClock = field(default_factory=MarketClock)
    prices: Conflation = field(default_factory=Conflation)
    freshness: Freshness = field(default_factory=Freshness)
    series: CatchUp = field(init=False)
    _newcomers: dict[Symbol, Newcomer] = field(default_factory=dict)
    _silent: dict[Symbol, Instant] = field(default_factory=dict)  # since the feed came up at this wall time
    _ticked: dict[Symbol, Instant] = field(default_factory=dict)  # market time of the last price
    _loading_since: Instant | None = None
    _claimed: frozenset[Symbol] | None = None  # what was wanted when the share was claimed last, and all had an owner
    _turn_since: Instant | None = None  # wall time since when a new choice is due
    _heard: dict[Symbol, Instant] = field(default_factory=dict)  # wall of the last price, until its silence was doubted
    _looked: Instant = Instant(-DOUBT_MS)  # wall time when the venue was asked what it lists, in doubt
    _is_feed_lost: bool = False  # since then: the venue refuses a connection that names a symbol it lists no more

    def __post_init__(self) -> None:
        self.series = CatchUp(self.history)
        self.adopt(self.listing)

    @property
    def wanted(self) -> tuple[Symbol, ...]:
        return wanted(self.listing.choice.symbols, self.busy.symbols, self.listing.launched.keys())

    @property
    def urgent(self) -> frozenset[Symbol]:
        """Symbols with a position or an entry under way: no replica leaves them without an owner."""
        return self.busy.symbols & self.listing.launched.keys()

    def adopt(self, listing: Listing) -> None:
        """Share these symbols with the others from now on; what is to be dropped is lost with the next claim."""
        self.listing, self._turn_since = listing, None
        self.series.quarantine.ticks = listing.ticks
        self._see_ended()

    def turn_due(self, wall: Instant) -> int | None:
        """Return the market hour for which a choice is due, once everything of our share is decided up to it.

        What holds one symbol up holds the choice up for a while only: it may be that this symbol is not listed.
        """
        due = turn_of(self.market.now())
        if due <= self.listing.choice.turn:
            return None
        self._turn_since = self._turn_since or wall
        reached = self.reached
        is_decided = reached is not None and turn_of(reached) >= due
        return due if is_decided or wall - self._turn_since >= SILENT_MS else None

    def claimed(self, wanted: Iterable[Symbol], *, unowned: int) -> None:
        """Note what the share was claimed of, and of how much of that nobody has the lease."""
        self._claimed = None if unowned else frozenset(wanted)

    @property
    def is_settled(self) -> bool:
        """Whether every symbol that is wanted now has an owner, for this market hour, and our share is known."""
        is_due = turn_of(self.market.now()) > self.listing.choice.turn
        return not is_due and self._claimed == frozenset(self.wanted) and not (self.traded and self.reached is None)

    def gain(self, symbol: Symbol, stored: dict[Timeframe, Instant | None], wall: Instant) -> None:
        """Fetch this symbol from now on; `stored`: the open time that each of its series ends with."""
        self.share |= {symbol}
        self._see_ended()
        self._newcomers[symbol] = Newcomer(stored, self.listing.launched.get(symbol, Instant(0)))
        self._silent[symbol] = self._heard[symbol] = wall
        self._loading_since = self._loading_since or wall

    def recall(self, candles: Sequence[CandleClosed]) -> None:
        """Know the newest stored candles of any series, oldest first: new ones are judged by them."""
        self.series.quarantine.remember(candles)

    def lose(self, symbol: Symbol) -> None:
        """Somebody else fetches this symbol from now on."""
        self.share -= {symbol}
        self.series.drop(symbol)
        self.prices.forget(symbol)
        for known in (self._newcomers, self._silent, self._ticked, self._heard):
            known.pop(symbol, None)

    def doubts(self, wall: Instant) -> bool:
        """Whether to look at what the venue lists: a symbol may have ended, or be another contract by now."""
        is_hard_to_explain = self._is_feed_lost or self.series.is_puzzled or bool(self._quiet(wall))
        return is_hard_to_explain and wall - self._looked >= DOUBT_MS

    def looked(self, wall: Instant, *, is_known: bool) -> None:
        """Note that it was looked at, with or without an answer."""
        self._looked = wall
        self._is_feed_lost &= not is_known
        for symbol in self._quiet(wall) if is_known else ():
            del self._heard[symbol]  # it is listed or ended, and may stay silent

    def see(self, message: Message) -> None:
        """Learn from the executor's events which symbols must be fetched first."""
        match message:
            case PositionSnapshot():
                self.busy.holds(position.symbol for position in message.positions)
            case PositionOpened() | PositionChanged():
                self.busy.opened(message.position.symbol)
            case PositionClosed():
                self.busy.closed(message.symbol)
            case OrderMessage():
                self.busy.ordered(message)
            case _:
                pass  # other events of these streams are for other readers

    def hear(self, event: FeedEvent, symbols: Iterable[Symbol], wall: Instant) -> Sequence[Effect]:
        """Take one event of a connection that was opened for `symbols`."""
        match event:
            case FeedUp():
                self._silent |= {symbol: wall for symbol in symbols if symbol in self.share}
            case PriceFrame(symbol=symbol) if symbol in self.share:
                self._ticked[symbol], self._heard[symbol] = self.market.observe(event.at), wall
                self._speaks(symbol, wall)
                self.prices.note(event, wall)
            case CandleClosedFrame(candle=candle) if candle.symbol in self.share:
                return self.series.hear(candle, self.market.observe(event.at), wall)
            case FeedDown():
                self._is_feed_lost = True
            case PriceFrame() | CandleClosedFrame():
                pass
        return ()

    def watch(self, wall: Instant) -> None:
        """Look after what is overdue; call it about every second."""
        if self.market.now():
            for symbol in [s for s, since in self._silent.items() if wall - since >= SILENT_MS or s in self.ended]:
                self._speaks(symbol, wall)
            self.series.watch(self.market.now(), wall)
            self.freshness.look(self.series.alive, self.market.now(), wall)
        if not self.loading:
            self._loading_since = None

    def asks(self, wall: Instant, room: Mapping[Lane, int]) -> Sequence[Ask]:
        """Return what must be asked now, at most `room` questions of a lane."""
        return self.series.asks(self.market.now(), wall, busy=self.busy.symbols, room=room) if self.market.now() else ()

    def answered(self, ask: Ask, answer: Sequence[Candle], wall: Instant) -> Sequence[Effect]:
        return self.series.answered(ask, answer, self.market.now(), wall)

    def failed(self, ask: Ask, wall: Instant, *, is_refused: bool) -> None:
        self.series.failed(ask, wall, is_refused=is_refused)

    @property
    def ends(self) -> Sequence[End]:
        """What Redis must have of each series at rest."""
        return self.series.ends

    def lost(self, loss: Loss, wall: Instant) -> None:
        """Redis does not have all of this series any more."""
        self.series.lost(loss, self.market.now(), wall)
        self._loading_since = self._loading_since or wall

    def due_prices(self, wall: Instant, interval_ms: int) -> Sequence[PriceMoved]:
        """What is to be told now of the prices; see `Conflation.take`."""
        return self.prices.take(self.busy.symbols, wall, interval_ms)

    @property
    def prices_wait(self) -> bool:
        return self.prices.waits

    @property
    def reached(self) -> Instant | None:
        """Everything the feed said up to here is decided; None while something of our share is not known."""
        if self._silent or not self.series.is_complete:
            return None
        try:
            return min(map(self._ticked.__getitem__, self.traded), default=None)
        except KeyError:  # of a symbol of ours nothing was heard yet
            return None

    @property
    def ended(self) -> frozenset[Symbol]:
        """Symbols of the share that are traded no more: those with a position are kept until it is closed."""
        return self.series.ended

    @property
    def traded(self) -> frozenset[Symbol]:
        """Symbols of the share of which the market is heard."""
        return self.share - self.ended if self.ended else self.share

    @property
    def loading(self) -> frozenset[Symbol]:
        """Symbols of our share whose series are not complete yet."""
        return frozenset(self._newcomers) - self.ended | {symbol for symbol, _ in self.series.loading}

    def stale(self, wall: Instant) -> Sequence[Stale]:
        """Every series that has been late for too long, the latest first."""
        return self.freshness.stale(wall, bound_ms=self.stale_ms)

    def in_the_way(self, wall: Instant) -> Sequence[Stale]:
        """Those of them that keep this fetcher from its work."""
        return in_the_way(self.stale(wall), self.busy.symbols, len(self.series.alive))

    def lateness(self, wall: Instant) -> Mapping[Key, int]:
        """How long (wall ms) each complete series has waited for its next candle."""
        return {key: self.freshness.late_ms(key, wall) for key in self.series.alive}

    @property
    def counts(self) -> Mapping[str, int]:
        """How many candles were kept back (by kind), told after all, and given up, since the start."""
        counts = self.series.quarantine.counts
        return {what: counts[what] for what in (*Kind, "confirmed")} | {"given_up": self.series.given_up}

    @property
    def prices_refused(self) -> int:
        """How many prices could not be, since the start."""
        return self.prices.refused

    @property
    def quarantined(self) -> int:
        """How many candles are kept back now."""
        return self.series.quarantine.held

    def progress(self, wall: Instant) -> Progress:
        """How much of the share is loaded, in series."""
        total = len(self.share) * len(self.timeframes)
        left = len(self.series.loading) + len(self._newcomers) * len(self.timeframes)
        return Progress("series", total, total - left, wall - (self._loading_since or wall))

    def loaded(self) -> CandlesLoaded:
        """Say which part of what is fetched is complete."""
        at, universe = self.market.now(), tuple(sorted(self.wanted))
        share = tuple(symbol for symbol in universe if symbol in self.share - self.loading)
        name = message_id(CandlesLoaded, str(at), *universe, "of which", *share)
        return CandlesLoaded(id=name, cause="", trace="", at=at, universe=universe, loaded=share)

    def _quiet(self, wall: Instant) -> frozenset[Symbol]:
        """Symbols of which no price has been heard for too long to be sure that they are traded."""
        return self.traded & {symbol for symbol, at in self._heard.items() if wall - at >= QUIET_MS}

    def _see_ended(self) -> None:
        self.series.see_ended(self.share - self.listing.launched.keys())

    def _speaks(self, symbol: Symbol, wall: Instant) -> None:
        """The market's time is known for this symbol: begin its series, or see what was missed meanwhile."""
        if self._silent.pop(symbol, None) is None:
            return
        now, newcomer = self.market.now(), self._newcomers.pop(symbol, None)
        for frame in self.timeframes:
            if newcomer is not None:
                self.series.begin((symbol, frame), newcomer.stored[frame], newcomer.launched, now, wall)
            elif (symbol, frame) in self.series.lines:
                self.series.check((symbol, frame), now, wall)
