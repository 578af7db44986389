"""The exchange's world: one market, one clock, one account; everything that happens goes through here, in order.

1. A change is on disk before its answer or its frames leave.
2. Market time only grows, across restarts too: the clock is kept before what happened at it is told.
3. At speed 1 nothing is dropped: a world that follows the wall plays what it missed, tick by tick, until market time is
   wall time again. Where it is ahead (it was stepped, or ran faster) it keeps its lead.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge
from typing import Final, Protocol

import structlog

from libs.common.clock import Clock, iso
from libs.common.errors import Fatal, Misconfigured, Refused
from libs.common.units import MINUTE_MS, Instant, Symbol, Usd
from services.paper_exchange.core.books.batch import Batch, RequestMade
from services.paper_exchange.core.books.books import Books, Saved
from services.paper_exchange.core.books.changes import Change, Executed, Moment
from services.paper_exchange.core.books.commands import AUDITED, BATCH, COMMANDS, parts_of
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.books.incidents import lose_stops
from services.paper_exchange.core.books.moves import on_settlement, on_tick
from services.paper_exchange.core.books.refusals import refusal
from services.paper_exchange.core.dialect.frames import PrivateFrame, frames
from services.paper_exchange.core.market.depth import Depths, Quote
from services.paper_exchange.core.market.market import Market, Settlement, Tick
from services.paper_exchange.core.relayed.relayed import SERVER_ERROR, Relayed, may_fill

log = structlog.get_logger()

TURN_S: Final = 0.03  # wall time between two looks at the clock
MOST_BEHIND_MS: Final = 250.0  # a world that cannot keep up with a faster clock slows down instead of leaping
MOST_AT_ONCE_MS: Final = MINUTE_MS  # of market time that is made up for, so that requests get their turn
REAL_TIME: Final = 1
HEARTBEAT_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Opening:
    """How a world begins that has no books yet, and how time passes in it.

    speed: market seconds per wall second, None is lockstep. follows_wall: see Terms.
    """

    balance: Usd
    seed: int
    speed: Decimal | None
    paused: bool
    follows_wall: bool = False


class Store(Protocol):
    def clock(self) -> Moment | None:
        """Where the clocks stood; None for new books."""
        ...

    def load(self, start: Usd) -> Saved: ...

    def keep(self, batch: Batch) -> None:
        """Make a batch durable, whole or not at all."""
        ...


class Audience(Protocol):
    """Who hears what happened on the account."""

    def push(self, frames: Sequence[PrivateFrame], at: Instant) -> None: ...


class Onlookers(Protocol):
    """Who is told that the market moved: the public streams."""

    def moved(self, after: Instant, until: Instant) -> None: ...


class World:
    def __init__(
        self,
        market: Market,
        books: Books,
        store: Store,
        audience: Audience,
        *,
        clock: Clock,
        at: Moment,
        speed: Decimal | None,
        paused: bool,
        follows_wall: bool = False,
    ) -> None:
        self.market, self.books = market, books
        self._relayed = market if isinstance(market, Relayed) else None
        self.speed, self.paused = speed, paused  # speed None: lockstep, the clock moves by steps alone
        self.onlookers: list[Onlookers] = []
        self._follows_wall = follows_wall
        self._store, self._audience, self._clock = store, audience, clock
        self._now, self._wall = at.market, at.wall
        self._up_before, self._began = at.up_ms, clock.monotonic_ms()
        self._requests: list[RequestMade] = []
        self._flush: asyncio.Future[None] | None = None
        self._failure: Fatal | None = None
        self._kept_at = 0.0
        self._credit = 0.0
        for instrument in market.instruments:
            last, mark = market.price(instrument.symbol, self._now), market.mark(instrument.symbol, self._now)
            if last is not None and mark is not None:
                books.last[instrument.symbol], books.mark[instrument.symbol] = last, mark

    @classmethod
    def open(cls, market: Market, store: Store, audience: Audience, opening: Opening, *, clock: Clock) -> "World":
        """Return the world where its books left it, or at the market's start if it has none.

        Raises Misconfigured for books that hold what the market does not list.
        """
        at = store.clock() or Moment(market.start, clock.now(), 0)
        instruments = {listed.symbol: listed for listed in market.instruments}
        saved = store.load(opening.balance)
        _check_listed(saved, instruments)
        books = Books.load(saved, instruments, Depths(market), opening.seed)
        log.info("world.opened", market=iso(at.market), up_ms=at.up_ms, balance=str(books.totals.balance))
        return cls(
            market,
            books,
            store,
            audience,
            clock=clock,
            at=at,
            speed=opening.speed,
            paused=opening.paused,
            follows_wall=opening.follows_wall,
        )

    @property
    def now(self) -> Instant:
        """Market time."""
        return self._now

    @property
    def opening(self) -> Opening:
        """How this world goes on after a restart: at the same pace."""
        return Opening(self.books.totals.start, self.books.seed, self.speed, self.paused, self._follows_wall)

    @property
    def executions(self) -> int:
        """Execution rows ever, funding included."""
        return self.books.totals.executions

    def quote(self, symbol: Symbol) -> Quote | None:
        """The market of a symbol now; None before its listing."""
        return self.books.quote(symbol, self.moment()) if symbol in self.books.last else None

    def moment(self) -> Moment:
        """Both clocks now; wall time as it is written down never goes back, whatever is done to the machine's."""
        self._wall = max(self._wall, self._clock.now())
        return Moment(self._now, self._wall, self._up_before + int(self._clock.monotonic_ms() - self._began))

    def command(self, path: str, fields: Fields) -> Json:
        """Do what is asked; raises Refused, and then nothing changed. Durable once `durable` returns."""
        try:
            self._check_market(path, fields)
            result = COMMANDS[path](self.books, fields, self.moment())
        except Refused as error:
            self.refuse(path, fields, error)
            raise
        self._note(path, fields, 0)
        return result

    def _check_market(self, path: str, fields: Fields) -> None:
        """Raises Refused for what could be filled at a price that is no more."""
        trouble = self._relayed.trouble(Symbol(fields.word("symbol"))) if self._relayed and may_fill(path) else ""
        if trouble:
            raise refusal(SERVER_ERROR, f"Server error: {trouble}")

    def refuse(self, path: str, fields: Fields, error: Refused) -> None:
        log.info("request.refused", path=path, code=error.code, text=str(error))
        self._note(path, fields, error.code or 0)

    def lose_stops(self, symbol: Symbol | None) -> int:
        """Let the stops of open positions vanish, as in an incident of the venue; returns how many did."""
        return lose_stops(self.books, symbol, self.moment())

    def _note(self, path: str, fields: Fields, code: int) -> None:
        if path.removesuffix(BATCH) in AUDITED:
            for asked in parts_of(path, fields):
                made = RequestMade("POST", path, asked.word("symbol"), asked.word("orderLinkId"), code)
                self._requests.append(made)

    async def durable(self) -> None:
        """Return when everything so far is on disk and told; changes of one turn of the loop share a transaction."""
        if self._flush is None:
            if not self.books.journal and not self._requests:
                return
            loop = asyncio.get_running_loop()
            self._flush = loop.create_future()
            loop.call_soon(self.flush)
        await asyncio.shield(self._flush)

    def flush(self) -> None:
        """Keep what happened and where the clock stands, then tell it."""
        waiting, self._flush = self._flush, None
        changes, requests = self.books.take_journal(), tuple(self._requests)
        self._requests.clear()
        try:
            self._store.keep(Batch(changes, requests, self.moment()))
        except Fatal as error:
            self._failure = error
            if waiting is not None:
                waiting.set_exception(error)
            return
        self._kept_at = self._clock.monotonic_ms()
        _log_fills(changes)
        self._audience.push(frames(changes, self.books), self._now)
        if waiting is not None:
            waiting.set_result(None)

    def close_instant(self) -> Moment:
        """Keep and tell everything so far, and return its moment: whatever follows has a later wall."""
        self.flush()
        self._raise_failure()
        closed = self.moment()
        self._wall = Instant(closed.wall + 1)
        return closed

    def advance(self, until: Instant) -> None:
        """Let the market move to `until` (or its end): every tick through the books in order, kept, then told."""
        until = min(until, self.market.end or until)
        if until <= self._now:
            return
        after, noted = self._now, self.moment()
        for event in _events(self.market, after, until):
            moment = Moment(event.at, noted.wall, noted.up_ms)
            if isinstance(event, Tick):
                on_tick(self.books, event, moment)
            else:
                on_settlement(self.books, event, moment)
        self._now = until
        self.flush()
        self._raise_failure()
        for onlooker in self.onlookers:
            onlooker.moved(after, until)

    async def run(self) -> None:
        """Turn wall time into market time for ever; raises Fatal when the books cannot be kept."""
        before = self._clock.monotonic_ms()
        while True:
            await self._clock.sleep(TURN_S)
            now = self._clock.monotonic_ms()
            self.turn(now - before)
            before = now

    def turn(self, elapsed_ms: float) -> None:
        """Let the market follow `elapsed_ms` of wall time, or only note that the exchange is alive."""
        self._raise_failure()
        if self.speed is not None and not self.paused:
            due = self._due(elapsed_ms, self.speed)
            self.advance(Instant(self._now + due))
            if self._relayed is not None and not due:  # it may stand still for long: what was held back is told now
                for onlooker in self.onlookers:
                    onlooker.moved(self._now, self._now)
        if self._clock.monotonic_ms() - self._kept_at >= HEARTBEAT_MS:
            self.flush()

    def _due(self, elapsed_ms: float, speed: Decimal) -> int:
        """How far the market should go now, in market ms."""
        if self._relayed is not None:
            return min(max(0, self._relayed.horizon - self._now), MOST_AT_ONCE_MS)
        behind = self._clock.now() - self._now
        if self._follows_wall and speed == REAL_TIME and behind >= 0:
            self._credit = 0.0
            return min(behind, MOST_AT_ONCE_MS)
        if speed > REAL_TIME:
            self._credit += min(elapsed_ms, MOST_BEHIND_MS) * float(speed)
            whole = int(self._credit)
        else:
            self._credit += elapsed_ms * float(speed)
            whole = min(int(self._credit), MOST_AT_ONCE_MS)
        self._credit -= whole
        return whole

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def _check_listed(saved: Saved, listed: Collection[Symbol]) -> None:
    held = {each.symbol for each in saved.positions if each.side is not None} | {each.symbol for each in saved.orders}
    missing = sorted(held - set(listed))
    if missing:
        raise Misconfigured(
            f"market.symbols, paper.symbols: the books hold positions or orders of {', '.join(missing)}, which this "
            "market does not list: play it with the symbols that it began with, or --fresh"
        )


def _events(market: Market, after: Instant, until: Instant) -> Iterable[Tick | Settlement]:
    """Ticks and settlements in order of time; at the same instant the tick comes first."""
    ticks, settlements = market.path(after, until), market.settlements(after, until)
    if not settlements:  # nearly always: merging costs something at every tick
        return ticks
    return merge(ticks, settlements, key=lambda event: (event.at, isinstance(event, Settlement)))


def _log_fills(changes: Sequence[Change]) -> None:
    for change in changes:
        if isinstance(change, Executed):
            done = change.execution
            log.info(
                "order.filled" if done.order_kind else "funding.settled",
                symbol=done.symbol,
                side=done.action.value,
                qty=str(done.qty),
                price=str(done.price),
                fee=str(done.fee),
                kind=done.kind.value,
                creator=done.creator.value,
                link_id=done.link_id,
                at=done.at,
            )
