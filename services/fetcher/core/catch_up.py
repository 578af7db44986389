"""All series of one fetcher: what may be told, what must be asked for, and when it is given up.

1. What is heard live and what is asked over REST go through the same lines: order and uniqueness are theirs.
2. A series is asked about when the feed came (back) up, when a candle is overdue, and while a hole is open.
3. A hole is given up only after TRIES answers that did not have it; a failed question is not an answer.
4. A candle that is kept in quarantine is asked for like one that is not there: quarantine.py says until when.
5. The end of a symbol that is traded no more is no hole: its series are over where the venue has no more of them.
6. Questions about busy symbols (busy.py) have a lane of their own: nothing that is asked for others stands before them.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

from libs.common.contracts.market import CandleMissing, ClosedBar
from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.core import candles as telling
from services.fetcher.core.gaps import Hole, Line, begin_at, hole_in, pass_over, take
from services.fetcher.core.outliers import WINDOW
from services.fetcher.core.quarantine import Confirmed, Quarantine, Quarantined

TRIES: Final = 5
PAGE: Final = 1_000
AGAIN_MS: Final = 500  # wall; doubles with every try
FAILED_MS: Final = 1_000
OVERDUE_MS: Final = 2_000  # wall that a closed candle may take to be heard
ANNOUNCED: Final = 200  # candles of one series that are told after an absence; older ones are only stored

Key = tuple[Symbol, Timeframe]


class Tell(NamedTuple):
    """Store and announce, if the series ends with `after`. `taken` counts how often the series was taken up."""

    candle: ClosedBar
    after: Instant | None
    taken: int = 1

    @property
    def key(self) -> Key:
        return self.candle.symbol, self.candle.timeframe


@dataclass(frozen=True, slots=True)
class Store:
    """Store without announcing, if the series reaches `after`: history that nobody decides on any more."""

    candles: tuple[ClosedBar, ...]
    after: Instant | None
    taken: int = 1

    @property
    def key(self) -> Key:
        return self.candles[0].symbol, self.candles[0].timeframe


@dataclass(frozen=True, slots=True)
class End:
    """A series at rest: it must end in Redis with the candle opened at `at`, or beyond."""

    key: Key
    at: Instant
    taken: int


@dataclass(frozen=True, slots=True)
class Loss:
    """A series that ends at `end` in Redis (None: it is gone) and should have ended later.

    told: up to here nothing need be announced when all of it is gone; None: what was to be announced stays so.
    """

    key: Key
    end: Instant | None
    told: Instant | None
    taken: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    candle: CandleMissing


Effect = Tell | Store | GivenUp | Quarantined | Confirmed


class Lane(Enum):
    """Which questions a question may have to wait for: those of its own lane."""

    BUSY = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Ask:
    """A question over REST: up to `limit` candles from `start`."""

    key: Key
    start: Instant
    limit: int
    lane: Lane
    at: Instant  # market time: what closes while the answer is on its way is not closed in the answer


@dataclass(slots=True)
class Due:
    """A series that must be asked about at wall time `at`."""

    at: Instant
    tries: int = 0
    asking: bool = False
    is_refused: bool = False  # the venue would not even look for it


@dataclass(slots=True)
class CatchUp:
    """State of all series; `history`: how many candles a series is given at first."""

    history: int
    lines: dict[Key, Line] = field(default_factory=dict)
    loading: set[Key] = field(default_factory=set)  # not complete since they were begun
    quarantine: Quarantine = field(default_factory=Quarantine)
    given_up: int = 0  # candles, since the start
    ended: frozenset[Symbol] = frozenset()  # traded no more
    over: set[Key] = field(default_factory=set)  # series of ended symbols that the venue has no more candles of
    _due: dict[Key, Due] = field(default_factory=dict)
    _late: dict[Key, Instant] = field(default_factory=dict)  # wall time when a candle began to be overdue
    _quiet: dict[Key, Instant] = field(default_factory=dict)  # candles up to here are not announced
    _launched: dict[Key, Instant] = field(default_factory=dict)
    _taken: Counter[Key] = field(default_factory=Counter)

    @property
    def is_complete(self) -> bool:
        """Nothing is being asked for and nothing waits behind a hole."""
        return not self._due

    @property
    def alive(self) -> dict[Key, Line]:
        """Every series that was complete once and is to have a candle whenever one closes."""
        return {key: line for key, line in self.lines.items() if key not in self.loading and key not in self.over}

    @property
    def is_puzzled(self) -> bool:
        """Whether a symbol may have ended, or its contract may have changed."""
        return self.quarantine.doubts_ticks or any(
            (due.tries or due.is_refused) and key[0] not in self.ended for key, due in self._due.items()
        )

    def see_ended(self, symbols: frozenset[Symbol]) -> None:
        """Learn which of our symbols are traded no more; whatever is traded again goes on where it stopped."""
        self.ended = symbols
        self.over = {key for key in self.over if key[0] in symbols}

    def begin(self, key: Key, stored: Instant | None, launched: Instant, market: Instant, wall: Instant) -> None:
        """Take up a series that is stored up to the candle opened at `stored`."""
        interval, newest = key[1].ms, telling.newest_closed(key[1], market)
        oldest = max(newest - (self.history - 1) * interval, launched - launched % interval)
        top = oldest - interval if stored is None else max(stored, oldest - interval)
        self.lines[key] = Line(key[1], Instant(top), stored)
        self.over.discard(key)
        quiet = newest if stored is None else max(stored, newest - ANNOUNCED * interval)
        self._quiet[key] = Instant(quiet)
        self._launched[key] = launched
        self._taken[key] += 1
        self._due[key] = Due(wall)  # also when nothing seems to be missing: `asks` finds that out
        self.loading.add(key)

    def drop(self, symbol: Symbol) -> None:
        """Somebody else fetches this symbol now."""
        for key in [key for key in self.lines if key[0] == symbol]:
            del self.lines[key]
            self.over.discard(key)
            self.quarantine.forget(key)
            self._settled(key)
        self.ended -= {symbol}

    def check(self, key: Key, market: Instant, wall: Instant) -> None:
        """Ask about a series if a candle of it has closed that we have not heard."""
        if key not in self.over and hole_in(self.lines[key], telling.newest_closed(key[1], market)):
            self._due.setdefault(key, Due(wall))
        else:
            self._settled(key)

    def hear(self, candle: Candle, market: Instant, wall: Instant) -> Sequence[Effect]:
        """Take a closed candle of the live feed."""
        key = (candle.symbol, candle.timeframe)
        if key not in self.lines or candle.open_at <= self.lines[key].top:
            return ()
        if self.quarantine.refuses(candle, market):
            effects: Sequence[Effect] = self.quarantine.news()
        else:
            self.over.discard(key)
            effects = self._take(key, [candle])
        if self.quarantine.holds(key):
            self._due.setdefault(key, Due(Instant(wall + AGAIN_MS)))
        elif self.lines[key].waiting:
            self._due.setdefault(key, Due(wall))
        return effects

    def watch(self, market: Instant, wall: Instant) -> None:
        """Ask about every series whose newest candle should have been heard for a while."""
        for key, line in self.lines.items():
            if key in self._due or key in self.over:
                continue
            if telling.newest_closed(key[1], market) <= line.top:
                self._late.pop(key, None)
            elif wall - self._late.setdefault(key, wall) >= OVERDUE_MS:
                self.check(key, market, wall)

    def asks(
        self, market: Instant, wall: Instant, *, busy: Collection[Symbol], room: Mapping[Lane, int]
    ) -> Sequence[Ask]:
        """Return the questions whose time has come, at most `room` of a lane, those about `busy` symbols first.

        Each is to be `answered` or `failed`; what finds no room is due the next time, in the lane that is right then.
        """
        found: list[Ask] = []
        left = Counter(room)
        for key, due in sorted(self._due.items(), key=lambda item: item[0][0] not in busy):
            if due.asking or due.at > wall:
                continue
            hole = hole_in(self.lines[key], telling.newest_closed(key[1], market))
            lane = Lane.BUSY if key[0] in busy else Lane.OTHER
            if hole is None:
                self._settled(key)
            elif left[lane] > 0:
                left[lane] -= 1
                due.asking = True
                found.append(Ask(key, hole.first, min(PAGE, hole.candles + 1), lane, market))
        return found

    def failed(self, ask: Ask, wall: Instant, *, is_refused: bool) -> None:
        """Nobody answered, or the venue refused the question: ask again in a while, unless the symbol has ended."""
        due = self._due.get(ask.key)
        if due is None:
            return
        if is_refused and self._is_at_end(ask.key):
            self._finish(ask.key)
        else:
            due.asking, due.at, due.is_refused = False, Instant(wall + FAILED_MS), is_refused

    def answered(self, ask: Ask, answer: Sequence[Candle], market: Instant, wall: Instant) -> Sequence[Effect]:
        """Take what REST said: closed candles from `ask.start` on, oldest first."""
        if ask.key not in self.lines or ask.start > self.lines[ask.key].next_open:  # asked before it was lost
            return ()
        newest = telling.newest_closed(ask.key[1], market)  # what lies behind it is heard, or asked for when it is due
        closed = [candle for candle in telling.closed_of(answer, ask.at) if candle.open_at <= newest]
        good = [candle for candle in closed if not self.quarantine.refuses(candle, market)]
        if good:
            self.lines[ask.key] = begin_at(self.lines[ask.key], good[0].open_at)
        before = self.lines[ask.key].top
        effects = self._take(ask.key, good)
        hole = hole_in(self.lines[ask.key], newest)
        if hole is None:
            self._settled(ask.key)
        elif self.lines[ask.key].top > before:
            self._due[ask.key] = Due(Instant(wall + AGAIN_MS) if self.quarantine.holds(ask.key) else wall)
        elif self._is_at_end(ask.key):
            self._finish(ask.key)
        else:
            effects += self._try_again(ask.key, hole, wall)
        return effects

    @property
    def ends(self) -> tuple[End, ...]:
        """Every series at rest of which something is stored."""
        resting = ((key, line.stored) for key, line in self.lines.items() if key not in self._due)
        return tuple(End(key, stored, self._taken[key]) for key, stored in resting if stored is not None)

    def lost(self, loss: Loss, market: Instant, wall: Instant) -> None:
        """Store again what is missing; where Redis lost only the end, its announcements are lost too: told again.

        What was decided before the series was taken up again says nothing new.
        """
        key = loss.key
        if key not in self.lines or loss.taken != self._taken[key]:
            return
        quiet = self._quiet[key]
        self.quarantine.forget(key)
        self.begin(key, loss.end, self._launched[key], market, wall)
        if loss.told is None:
            self._quiet[key] = quiet if loss.end is None else max(quiet, loss.end)
        elif loss.end is None:
            self._quiet[key] = loss.told

    def _take(self, key: Key, candles: Iterable[Candle]) -> list[Effect]:
        before = self.lines[key].stored
        self.lines[key], ready = take(self.lines[key], candles, self._admits(key))
        return self._told(key, before, ready)

    def _admits(self, key: Key) -> Callable[[Candle], bool]:
        """Let what is announced be looked at; of what is only stored remember the newest."""
        quiet = self._quiet[key]
        judged_by = quiet - 2 * WINDOW * key[1].ms  # there may be holes in it

        def admits(candle: Candle) -> bool:
            if candle.open_at > quiet:
                return self.quarantine.admits(candle)
            if candle.open_at > judged_by:
                self.quarantine.remember((candle,))
            return True

        return admits

    def _told(self, key: Key, before: Instant | None, ready: Sequence[Candle]) -> list[Effect]:
        """The effects of candles that follow each other after `before`."""
        self.quarantine.passed(key, self.lines[key].top)
        effects: list[Effect] = [*self.quarantine.news()]
        taken, quiet_to = self._taken[key], self._quiet[key]
        if ready and ready[0].open_at <= quiet_to:
            quiet = tuple(candle for candle in ready if candle.open_at <= quiet_to)
            effects.append(Store(quiet, before, taken))
            before, ready = quiet[-1].open_at, ready[len(quiet) :]
        for candle in ready:
            effects.append(Tell(candle, before, taken))
            before = candle.open_at
        return effects

    def _try_again(self, key: Key, hole: Hole, wall: Instant) -> Sequence[Effect]:
        """Ask again later, or give the hole up; what was never stored has no hole that anybody would miss."""
        due = self._due[key]
        due.asking, due.tries, due.at = False, due.tries + 1, Instant(wall + AGAIN_MS * 2**due.tries)
        if due.tries < TRIES:
            return ()
        before = self.lines[key].stored
        self.lines[key], missing, ready = pass_over(self.lines[key], hole, self._admits(key))
        self._due[key] = Due(wall)
        lost = [GivenUp(self._missing(key, open_at)) for open_at in missing if before is not None]
        self.given_up += len(lost)
        return [*lost, *self._told(key, before, ready)]

    def _missing(self, key: Key, open_at: Instant) -> CandleMissing:
        why = self.quarantine.why(key, open_at) or "the venue did not have it"
        return telling.missing(*key, open_at, f"{why}, in {TRIES} answers")

    def _is_at_end(self, key: Key) -> bool:
        """Whether nothing more is to be had of a series: its symbol has ended, and nothing is there behind the hole."""
        return key[0] in self.ended and not self.lines[key].waiting and not self.quarantine.holds(key)

    def _finish(self, key: Key) -> None:
        self.over.add(key)
        self._settled(key)

    def _settled(self, key: Key) -> None:
        self._due.pop(key, None)
        self._late.pop(key, None)
        self.loading.discard(key)
