"""The state of one fetcher: its share of the symbols, what of them is told, and what must be asked.

Everything here is a decision; adapters hear, ask, store and publish. `wall` is wall time, everything else market.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from libs.common.clock import MarketClock
from libs.common.contracts.market import CandleClosed, CandlesLoaded, PriceMoved
from libs.common.contracts.message import Message, message_id
from libs.common.contracts.positions import PositionChanged, PositionClosed, PositionOpened, PositionSnapshot
from libs.common.exchange.market_types import (
    Candle,
    CandleClosedFrame,
    FeedDown,
    FeedEvent,
    FeedUp,
    Instrument,
    PriceFrame,
)
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.core.catch_up import Ask, CatchUp, Effect, End, Key, Lane, Loss
from services.fetcher.core.freshness import Freshness, Stale, in_the_way
from services.fetcher.core.prices import Conflation
from services.fetcher.core.progress import Progress
from services.fetcher.core.quarantine import Kind
from services.fetcher.core.shares import wanted

LISTING_MS: Final = 300_000  # wall between looks at what the venue lists
PUZZLED_MS: Final = 5_000  # the same while something is hard to explain without another look
SILENT_MS: Final = 10_000  # wall that a symbol may be silent after the feed came up, before it is taken as it is


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A symbol that was gained and of which no price was heard yet."""

    stored: dict[Timeframe, Instant | None]
    launched: Instant


@dataclass(slots=True)
class Fetcher:
    """See the module. universe: every symbol that the fetchers share; history: candles a series at first.

    stale_ms: wall time that a candle may be late before its series is stale.
    """

    universe: tuple[Symbol, ...]
    listed: dict[Symbol, Instant]  # every symbol that could be fetched, with the moment of its launch
    timeframes: tuple[Timeframe, ...]
    history: int
    stale_ms: int
    share: frozenset[Symbol] = frozenset()
    held: frozenset[Symbol] = frozenset()  # symbols with an open position
    market: MarketClock = field(default_factory=MarketClock)
    prices: Conflation = field(default_factory=Conflation)
    freshness: Freshness = field(default_factory=Freshness)
    series: CatchUp = field(init=False)
    _newcomers: dict[Symbol, Newcomer] = field(default_factory=dict)
    _silent: dict[Symbol, Instant] = field(default_factory=dict)  # since the feed came up at this wall time
    _ticked: dict[Symbol, Instant] = field(default_factory=dict)  # market time of the last price
    _loading_since: Instant | None = None
    _listing_seen: Instant | None = None  # wall
    _is_puzzled: bool = False  # a connection was lost: the venue refuses those that name a symbol it lists no more
    _unlisted: frozenset[Symbol] = frozenset()  # that the newest list lacks

    def __post_init__(self) -> None:
        self.series = CatchUp(self.history)

    @property
    def wanted(self) -> tuple[Symbol, ...]:
        return wanted(self.universe, self.held, self.listed.keys())

    def gain(self, symbol: Symbol, stored: dict[Timeframe, Instant | None], wall: Instant) -> None:
        """Fetch this symbol from now on; `stored`: the open time that each of its series ends with."""
        self.share |= {symbol}
        self._newcomers[symbol] = Newcomer(stored, self.listed[symbol])
        self._silent[symbol] = wall
        self._loading_since = self._loading_since or wall

    def recall(self, candles: Sequence[CandleClosed]) -> None:
        """Know the newest stored candles of a series, oldest first: new ones are judged by them."""
        self.series.quarantine.remember(candles)

    def lose(self, symbol: Symbol) -> None:
        """Somebody else fetches this symbol from now on."""
        self.share -= {symbol}
        self.series.drop(symbol)
        self.prices.forget(symbol)
        for known in (self._newcomers, self._silent, self._ticked):
            known.pop(symbol, None)

    def wants_listing(self, wall: Instant) -> bool:
        """Whether it is time to look at what the venue lists."""
        if self._listing_seen is None:
            return True
        is_puzzled = self._is_puzzled or self.series.is_puzzled
        return wall - self._listing_seen >= (PUZZLED_MS if is_puzzled else LISTING_MS)

    def see_listed(self, instruments: Sequence[Instrument], wall: Instant) -> frozenset[Symbol]:
        """Learn ticks and launches; return the symbols of the share that have ended: two lists in a row lack them."""
        self.series.quarantine.ticks = {each.symbol: each.tick for each in instruments}
        self.listed |= {each.symbol: each.launched for each in instruments}
        lacking, known = self.share - self.series.quarantine.ticks.keys(), self.series.ended
        self.series.see_ended(lacking & self._unlisted)
        self._listing_seen, self._unlisted = wall, lacking
        self._is_puzzled = lacking != self.series.ended
        return self.series.ended - known

    def see_position(self, message: Message) -> None:
        """Learn from the executor's events which symbols must be fetched first."""
        match message:
            case PositionSnapshot():
                self.held = frozenset(position.symbol for position in message.positions)
            case PositionOpened() | PositionChanged():
                self.held |= {message.position.symbol}
            case PositionClosed():
                self.held -= {message.symbol}

    def hear(self, event: FeedEvent, symbols: Iterable[Symbol], wall: Instant) -> Sequence[Effect]:
        """Take one event of a connection that was opened for `symbols`."""
        match event:
            case FeedUp():
                self._silent |= {symbol: wall for symbol in symbols if symbol in self.share}
            case PriceFrame(symbol=symbol) if symbol in self.share:
                self._ticked[symbol] = self.market.observe(event.at)
                self._speaks(symbol, wall)
                self.prices.note(event, wall)
            case CandleClosedFrame(candle=candle) if candle.symbol in self.share:
                self.market.observe(event.at)
                return self.series.hear(candle, wall)
            case FeedDown():
                self._is_puzzled = True
            case PriceFrame() | CandleClosedFrame():
                pass
        return ()

    def watch(self, wall: Instant) -> None:
        """Look after what is overdue; call it about every second."""
        if self.market.now():
            for symbol in [s for s, since in self._silent.items() if wall - since >= SILENT_MS]:
                self._speaks(symbol, wall)
            self.series.watch(self.market.now(), wall)
            self.freshness.look(self.series.alive, self.market.now(), wall)
        if not self.loading:
            self._loading_since = None

    def asks(self, wall: Instant, room: Mapping[Lane, int]) -> Sequence[Ask]:
        """Return what must be asked now, at most `room` questions of a lane."""
        return self.series.asks(self.market.now(), wall, held=self.held, room=room) if self.market.now() else ()

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
        return self.prices.take(self.held, wall, interval_ms)

    @property
    def prices_wait(self) -> bool:
        return self.prices.waits

    @property
    def reached(self) -> Instant | None:
        """Everything the feed said up to here is decided; None while something of our share is not known."""
        traded = self.share - self.series.ended
        if self._silent or not self.series.is_complete or not traded <= self._ticked.keys():
            return None
        return min((self._ticked[symbol] for symbol in traded), default=None)

    @property
    def ended(self) -> frozenset[Symbol]:
        """Symbols of the share that are traded no more."""
        return self.series.ended

    @property
    def loading(self) -> frozenset[Symbol]:
        """Symbols of our share whose series are not complete yet."""
        return frozenset(self._newcomers) | {symbol for symbol, _ in self.series.loading}

    def stale(self, wall: Instant) -> Sequence[Stale]:
        """Every series that has been late for too long, the latest first."""
        return self.freshness.stale(wall, bound_ms=self.stale_ms)

    def in_the_way(self, wall: Instant) -> Sequence[Stale]:
        """Those of them that keep this fetcher from its work."""
        return in_the_way(self.stale(wall), self.held, len(self.series.alive))

    def lateness(self, wall: Instant) -> Mapping[Key, int]:
        """How long (wall ms) each complete series has waited for its next candle."""
        return {key: self.freshness.late_ms(key, wall) for key in self.series.alive}

    @property
    def counts(self) -> Mapping[str, int]:
        """How many candles were kept back (by kind), told after all, and given up, since the start."""
        counts = self.series.quarantine.counts
        return {what: counts[what] for what in (*Kind, "confirmed")} | {"given_up": self.series.given_up}

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
        """Say which part of the universe is complete."""
        at, share = self.market.now(), tuple(sorted(self.share - self.loading))
        name = message_id(CandlesLoaded, str(at), *share)
        return CandlesLoaded(id=name, cause="", trace="", at=at, universe=self.universe, loaded=share)

    def keys(self) -> Sequence[Key]:
        """Every complete series of the share."""
        return [(symbol, frame) for symbol in sorted(self.share - self.loading) for frame in self.timeframes]

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
