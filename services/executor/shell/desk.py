"""What every part of the executor works with: venue, ledger, locks, clocks, and what is known right now."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from libs.common.clock import Clock, MarketClock
from libs.common.contracts.market import PriceMoved
from libs.common.contracts.recovery import Phase
from libs.common.errors import Transient
from libs.common.exchange import Trading
from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Stamp, VenuePosition, Wallet
from libs.common.health import Health
from libs.common.locks import Held, Locks
from libs.common.units import Fraction, Instant, Symbol
from services.executor.adapters.journal_rows import PHASE
from services.executor.adapters.ledger import Ledger, Pages
from services.executor.core.commit_points import CommitPoint, go_on
from services.executor.core.protections import Limits
from services.executor.core.recovery import Policy
from services.executor.core.sizing import Risk
from services.executor.core.switch import HALT_FILE, Level, SwitchState, parse_halt, stricter

log = structlog.get_logger()

LEAST_WINDOW_MS: Final = 300  # a request with less time than this would be refused as late
MARKET: Final = ("price", "candle")  # streams that carry the market's time
LATE_MS: Final = 1_000  # after the receive window: then no request of ours can arrive any more


@dataclass(frozen=True, slots=True)
class Figures:
    """The settings that decide; times in milliseconds of wall unless said."""

    risk: Risk
    limits: Limits
    home: Path
    recv_window_ms: int = 3_000
    stop_interval_ms: int = 500
    workers: int = 8
    reconcile_s: int = 30
    exit_on_opposite: bool = False
    foreign: Policy = "adopt"
    venue: str = "paper"
    version: str = "0"
    config_hash: str = ""

    @property
    def keeps_order(self) -> bool:
        """One worker: what is not settled yet is waited for, so that nothing is decided out of turn (lockstep)."""
        return self.workers == 1


@dataclass(frozen=True, slots=True)
class Grip:
    """A symbol in our hand: the lock, and the fencing number that every write shows."""

    symbol: Symbol
    fence: int
    held: Held
    recv_window_ms: int

    def stamp(self) -> Stamp | None:
        """Date a request so that the venue refuses it when the lock may be lost; None: it is too late already."""
        window = min(self.recv_window_ms, self.held.remaining_ms())
        return Stamp(self.held.verified_at, window) if window >= LEAST_WINDOW_MS else None


@dataclass(frozen=True, slots=True)
class Unlocked:
    """Nobody's lock: Redis is away, and a stop or an exit cannot wait for it."""

    verified_at: Instant
    window_ms: int

    def remaining_ms(self) -> int:
        return self.window_ms


@dataclass(frozen=True, slots=True)
class Facts:
    """What the venue said for an admission: its positions first, and then its wallet.

    In this order what fills between the two reads is counted twice rather than not at all.
    """

    positions: tuple[VenuePosition, ...]
    wallet: Wallet
    at: Instant  # wall time at which the positions were asked for
    wallet_at: Instant


@dataclass(slots=True)
class Desk:
    trading: Trading
    ledger: Ledger
    locks: Locks
    clock: Clock
    figures: Figures
    instance: str
    health: Health
    reached: CommitPoint = go_on
    market: MarketClock = field(default_factory=MarketClock)  # never behind
    heard: MarketClock = field(default_factory=MarketClock)  # what the market itself has told: never ahead
    phase: Phase = Phase.RECOVERING
    session_id: str = ""
    clock_offset_ms: int = 0
    instruments: dict[Symbol, Instrument] = field(default_factory=dict)
    prices: dict[Symbol, PriceMoved] = field(default_factory=dict)
    priced_at: Instant | None = None
    wallet: Wallet | None = None
    reported: tuple[VenuePosition, ...] = ()  # the venue's positions, as last read
    reported_at: Instant = Instant(0)  # wall
    reconciled_at: Instant = Instant(0)  # wall
    facts: Facts | None = None  # as last read
    moved_at: Instant = Instant(0)  # wall time at which something was closed, or was not as the ledger has it
    counts: Counter[str] = field(default_factory=Counter)
    doubts: set[Symbol] = field(default_factory=set)  # the ledger and the venue seem to differ here
    doubted: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)  # the outbox has something
    flat: asyncio.Event = field(default_factory=asyncio.Event)  # a trade waits for its books
    alarm: asyncio.Event = field(default_factory=asyncio.Event)  # a position may be naked
    leaving: asyncio.Event = field(default_factory=asyncio.Event)  # an exit is wanted
    active: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.health.look = self.refresh

    @property
    def identity(self) -> Mapping[str, str]:
        figures = self.figures
        return {"venue": figures.venue, "version": figures.version, "config_hash": figures.config_hash}

    @property
    def most_positions(self) -> int:
        return self.figures.risk.max_positions

    @contextmanager
    def write(self, *, synced: bool = True) -> Iterator[Pages]:
        """One ledger transaction; wakes the publisher and everybody who waits for a change."""
        with self.ledger.write(synced=synced) as pages:
            yield pages
        self.told.set()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def refresh(self) -> None:
        """Bring the health report up to date, for whoever asks: lockstep waits until nothing is under way.

        It fails nobody: what was committed before it stays committed, and "under way" stays said until it is known.
        """
        try:
            self._recount()
        except Transient as error:
            log.warning("health.unknown", reason=str(error))

    def _recount(self) -> None:
        with self.ledger.read() as pages:
            now = pages.under_way()
        self.health.facts |= {"executions": now.executions, "outbox": now.untold}
        self.health.in_flight = self.active + now.untold + now.flat + now.closing + now.ending
        self.health.market_ms = self.market.now()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Something is under way."""
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1

    async def until(self, answer: Callable[[], bool], *, seconds: float) -> bool:
        """Wait until `answer` is true, judged at every change of the ledger; False when it stays false."""
        deadline = asyncio.ensure_future(self.clock.sleep(seconds))
        try:
            while not answer():
                if deadline.done():
                    return False
                change = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait({change, deadline}, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
            return True
        finally:
            deadline.cancel()

    @asynccontextmanager
    async def hold(self, symbol: Symbol, *, wait_ms: int) -> AsyncIterator[Grip | None]:
        """Take a symbol for one operation; None when somebody else has it for that long."""
        async with self.locks.hold(symbol, wait_ms=wait_ms) as held:
            yield None if held is None else self._grip(symbol, held)

    @asynccontextmanager
    async def hold_at_any_cost(self, symbol: Symbol, *, wait_ms: int) -> AsyncIterator[Grip]:
        """Take a symbol to protect what is open: with the lock where it can be had, on the fence alone where not.

        Only for what can do no harm twice: stops that tighten, and reduce-only orders with derived ids.
        """
        async with AsyncExitStack() as stack:
            held: Held | None = None
            try:
                held = await stack.enter_async_context(self.locks.hold(symbol, wait_ms=wait_ms))
            except Transient:
                self.counts["lock_unreachable"] += 1
            if held is None:
                self.counts["acted_without_lock"] += 1
                held = Unlocked(self.clock.now(), self.figures.recv_window_ms)
            yield self._grip(symbol, held)

    def _grip(self, symbol: Symbol, held: Held) -> Grip:
        with self.ledger.write(synced=False) as pages:  # a power failure that takes it back ends every holder too
            fence = pages.take_fence(symbol)
        return Grip(symbol, fence, held, self.figures.recv_window_ms)

    async def read_positions(self) -> tuple[VenuePosition, ...]:
        """What is open at the venue, asked now. Raises Transient: no report is not a report of nothing."""
        asked = self.clock.now()
        self.reported = tuple(await self.trading.positions())
        self.reported_at = asked
        return self.reported

    async def read_position(self, symbol: Symbol) -> VenuePosition | None:
        return next((p for p in await self.read_positions() if p.symbol == symbol), None)

    def hear(self, at: Instant) -> Instant:
        """Something was told of this moment of the market; returns the market's now."""
        self.heard.observe(at)
        return self.market.observe(at)

    async def read_facts(self) -> Facts:
        """What an admission needs to know, asked now."""
        await self.read_positions()
        return await self.complete_facts()

    async def complete_facts(self) -> Facts:
        """Ask for the wallet, to go with the positions as last read."""
        positions, at, asked = self.reported, self.reported_at, self.clock.now()
        self.wallet = await self.trading.wallet()
        self.facts = Facts(positions, self.wallet, at, asked)
        return self.facts

    def doubt(self, *symbols: Symbol) -> None:
        """Have these symbols reconciled at once."""
        self.moved_at = self.clock.now()
        self.doubts.update(symbols)
        self.doubted.set()

    def leverage(self, symbol: Symbol) -> Fraction:
        instrument = self.instruments.get(symbol)
        wanted = self.figures.risk.leverage
        return wanted if instrument is None else Fraction(min(wanted, instrument.max_leverage))

    def switch(self, pages: Pages) -> SwitchState:
        """The switch as it stands: the ledger's row and the HALT file, whichever is stricter."""
        row = pages.switch()
        try:
            level = parse_halt((self.figures.home / HALT_FILE).read_text())
        except FileNotFoundError:
            return row
        if level.severity <= row.level.severity:
            return row
        return SwitchState(stricter(row.level, level), row.flattening, "HALT file", "written by hand", row.at)

    def is_detached(self) -> bool:
        with self.ledger.read() as pages:
            return self.switch(pages).level is Level.DETACHED

    def rest_ms(self, pages: Pages, symbol: Symbol) -> int:
        """Wall milliseconds until no earlier request of ours on this symbol can still arrive."""
        return max(0, pages.sent_at(symbol) + self.figures.recv_window_ms + LATE_MS - self.clock.now())

    def settle_phase(self, *, recovered: bool = False) -> None:
        """Derive the phase from what is open: it is never decided, only seen; only recovery itself ends recovery."""
        if self.phase is Phase.RECOVERING and not recovered:
            return
        with self.ledger.read() as pages:
            managing = bool(pages.open_symbols())
        before, self.phase = self.phase, Phase.MANAGING_POSITIONS if managing else Phase.SEEKING_ENTRY
        if self.phase is not before:
            self.note(PHASE, f"was {before}", phase=self.phase)

    def note(self, kind: str, text: str, *, action: str = "", phase: str = "") -> None:
        """Write one step into the recovery log."""
        with self.write() as pages:
            pages.note(self.session_id, kind, text, wall=self.clock.now(), action=action, phase=phase)
