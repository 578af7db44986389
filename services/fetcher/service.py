"""The state of one fetcher: its share of the symbols, what of them is told, and what must be asked.

Everything here is a decision; adapters hear, ask, store and publish. `wall` is wall time, everything else market.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from libs.common.clock import MarketClock
from libs.common.contracts.market import CandlesLoaded, PriceMoved
from libs.common.contracts.message import Message, message_id
from libs.common.contracts.orders import OrderMessage
from libs.common.contracts.positions import PositionChanged, PositionClosed, PositionOpened, PositionSnapshot
from libs.common.exchange.market_types import Candle, CandleClosedFrame, FeedDown, FeedEvent, FeedUp, PriceFrame
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.core.busy import Busy
from services.fetcher.core.catch_up import Ask, CatchUp, Effect, End, Key, Loss
from services.fetcher.core.choice import Listing, turn_of
from services.fetcher.core.prices import Conflation
from services.fetcher.core.progress import Progress
from services.fetcher.core.shares import wanted

SILENT_MS: Final = 10_000  # wall that a symbol may be silent after the feed came up, before it is taken as it is


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A symbol that was gained and of which no price was heard yet."""

    stored: dict[Timeframe, Instant | None]
    launched: Instant


@dataclass(slots=True)
class Fetcher:
    """See the module. listing: what all fetchers share; history: how many candles a series is given at first."""

    listing: Listing
    timeframes: tuple[Timeframe, ...]
    history: int
    share: frozenset[Symbol] = frozenset()
    busy: Busy = field(default_factory=Busy)
    market: MarketClock = field(default_factory=MarketClock)
    prices: Conflation = field(default_factory=Conflation)
    series: CatchUp = field(init=False)
    _newcomers: dict[Symbol, Newcomer] = field(default_factory=dict)
    _silent: dict[Symbol, Instant] = field(default_factory=dict)  # since the feed came up at this wall time
    _ticked: dict[Symbol, Instant] = field(default_factory=dict)  # market time of the last price
    _loading_since: Instant | None = None
    _claimed: frozenset[Symbol] | None = None  # what was wanted when the share was claimed last, and all had an owner
    _turn_since: Instant | None = None  # wall time since when a new choice is due

    def __post_init__(self) -> None:
        self.series = CatchUp(self.history)

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

    def turn_due(self, wall: Instant) -> int | None:
        """Return the market hour for which a choice is due, once everything of our share is decided up to it.

        What holds one symbol up holds the choice up for a while only: it may be that this symbol is not listed.
        """
        due = turn_of(self.market.now())
        if due <= self.listing.choice.turn:
            return None
        self._turn_since = self._turn_since or wall
        is_decided = self.reached is not None and turn_of(self.reached) >= due
        return due if is_decided or wall - self._turn_since >= SILENT_MS else None

    def claimed(self, wanted: Iterable[Symbol], *, unowned: int) -> None:
        """Note what the share was claimed of, and of how much of that nobody has the lease."""
        self._claimed = None if unowned else frozenset(wanted)

    @property
    def is_settled(self) -> bool:
        """Whether every symbol that is wanted now has an owner, for this market hour, and our share is known."""
        is_due = turn_of(self.market.now()) > self.listing.choice.turn
        return not is_due and self._claimed == frozenset(self.wanted) and not (self.share and self.reached is None)

    def gain(self, symbol: Symbol, stored: dict[Timeframe, Instant | None], wall: Instant) -> None:
        """Fetch this symbol from now on; `stored`: the open time that each of its series ends with."""
        self.share |= {symbol}
        self._newcomers[symbol] = Newcomer(stored, self.listing.launched[symbol])
        self._silent[symbol] = wall
        self._loading_since = self._loading_since or wall

    def lose(self, symbol: Symbol) -> None:
        """Somebody else fetches this symbol from now on."""
        self.share -= {symbol}
        self.series.drop(symbol)
        self.prices.forget(symbol)
        for known in (self._newcomers, self._silent, self._ticked):
            known.pop(symbol, None)

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
                self._ticked[symbol] = self.market.observe(event.at)
                self._speaks(symbol, wall)
                self.prices.note(event)
            case CandleClosedFrame(candle=candle) if candle.symbol in self.share:
                self.market.observe(event.at)
                return self.series.hear(candle, wall)
            case FeedDown() | PriceFrame() | CandleClosedFrame():
                pass
        return ()

    def watch(self, wall: Instant) -> None:
        """Look after what is overdue; call it about every second."""
        if self.market.now():
            for symbol in [s for s, since in self._silent.items() if wall - since >= SILENT_MS]:
                self._speaks(symbol, wall)
            self.series.watch(self.market.now(), wall)
        if not self.loading:
            self._loading_since = None

    def asks(self, wall: Instant) -> Sequence[Ask]:
        return self.series.asks(self.market.now(), wall) if self.market.now() else ()

    def answered(self, ask: Ask, answer: Sequence[Candle], wall: Instant) -> Sequence[Effect]:
        return self.series.answered(ask, answer, self.market.now(), wall)

    def lacks(self, ask: Ask) -> bool:
        """Whether the venue was asked for something that it should have, and did not give it."""
        return self.series.lacks(ask.key)

    def failed(self, ask: Ask, wall: Instant) -> None:
        self.series.failed(ask, wall)

    @property
    def ends(self) -> Sequence[End]:
        """What Redis must have of each series at rest."""
        return self.series.ends

    def lost(self, loss: Loss, wall: Instant) -> None:
        """Redis does not have all of this series any more."""
        self.series.lost(loss, self.market.now(), wall)
        self._loading_since = self._loading_since or wall

    def due_prices(self) -> Sequence[PriceMoved]:
        return self.prices.take(self.busy.symbols)

    @property
    def reached(self) -> Instant | None:
        """Everything the feed said up to here is decided; None while something of our share is not known."""
        if self._silent or not self.series.is_complete or not self.share <= self._ticked.keys():
            return None
        return min((self._ticked[symbol] for symbol in self.share), default=None)

    @property
    def loading(self) -> frozenset[Symbol]:
        """Symbols of our share whose series are not complete yet."""
        return frozenset(self._newcomers) | {symbol for symbol, _ in self.series.loading}

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
