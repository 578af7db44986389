"""All series of one fetcher: what may be told, what must be asked for, and when it is given up.

1. What is heard live and what is asked over REST go through the same lines: order and uniqueness are theirs.
2. A series is asked about when the feed came (back) up, when a candle is overdue, and while a hole is open.
3. A hole is given up only after TRIES answers that did not have it; a failed question is not an answer.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from libs.common.contracts.market import CandleClosed, CandleMissing
from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Symbol, Timeframe
from services.fetcher.core import candles as telling
from services.fetcher.core.gaps import Hole, Line, begin_at, hole_in, pass_over, take
from services.fetcher.core.quality import fault

TRIES: Final = 5
PAGE: Final = 1_000
AGAIN_MS: Final = 500  # wall; doubles with every try
FAILED_MS: Final = 1_000
OVERDUE_MS: Final = 2_000  # wall that a closed candle may take to be heard
ANNOUNCED: Final = 200  # candles of one series that are told after an absence; older ones are only stored

Key = tuple[Symbol, Timeframe]


@dataclass(frozen=True, slots=True)
class Tell:
    """Store and announce, if the series ends with `after`. `taken` counts how often the series was taken up."""

    candle: CandleClosed
    after: Instant | None
    taken: int = 1

    @property
    def key(self) -> Key:
        return self.candle.symbol, self.candle.timeframe


@dataclass(frozen=True, slots=True)
class Store:
    """Store without announcing, if the series reaches `after`: history that nobody decides on any more."""

    candles: tuple[CandleClosed, ...]
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


@dataclass(frozen=True, slots=True)
class Quarantined:
    candle: Candle
    fault: str


Effect = Tell | Store | GivenUp | Quarantined


@dataclass(frozen=True, slots=True)
class Ask:
    """A question over REST: up to `limit` candles from `start`."""

    key: Key
    start: Instant
    limit: int


@dataclass(slots=True)
class Due:
    """A series that must be asked about at wall time `at`."""

    at: Instant
    tries: int = 0
    asking: bool = False


@dataclass(slots=True)
class CatchUp:
    """State of all series; `history`: how many candles a series is given at first."""

    history: int
    lines: dict[Key, Line] = field(default_factory=dict)
    loading: set[Key] = field(default_factory=set)  # not complete since they were begun
    _due: dict[Key, Due] = field(default_factory=dict)
    _late: dict[Key, Instant] = field(default_factory=dict)  # wall time when a candle began to be overdue
    _quiet: dict[Key, Instant] = field(default_factory=dict)  # candles up to here are not announced
    _launched: dict[Key, Instant] = field(default_factory=dict)
    _taken: Counter[Key] = field(default_factory=Counter)

    @property
    def is_complete(self) -> bool:
        """Nothing is being asked for and nothing waits behind a hole."""
        return not self._due

    def lacks(self, key: Key) -> bool:
        """Whether an answer left the hole of this series as it was."""
        return key in self._due and self._due[key].tries > 0

    def begin(self, key: Key, stored: Instant | None, launched: Instant, market: Instant, wall: Instant) -> None:
        """Take up a series that is stored up to the candle opened at `stored`."""
        interval, newest = key[1].ms, telling.newest_closed(key[1], market)
        oldest = max(newest - (self.history - 1) * interval, launched - launched % interval)
        top = oldest - interval if stored is None else max(stored, oldest - interval)
        self.lines[key] = Line(key[1], Instant(top), stored)
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
            self._settled(key)

    def check(self, key: Key, market: Instant, wall: Instant) -> None:
        """Ask about a series if a candle of it has closed that we have not heard."""
        if hole_in(self.lines[key], telling.newest_closed(key[1], market)):
            self._due.setdefault(key, Due(wall))
        else:
            self._settled(key)

    def hear(self, candle: Candle, wall: Instant) -> Sequence[Effect]:
        """Take a closed candle of the live feed."""
        key = (candle.symbol, candle.timeframe)
        if key not in self.lines:
            return ()
        wrong = fault(candle)
        if wrong:
            self._due.setdefault(key, Due(Instant(wall + AGAIN_MS)))
            return (Quarantined(candle, wrong),)
        effects = self._take(key, [candle])
        if self.lines[key].waiting:
            self._due.setdefault(key, Due(wall))
        return effects

    def watch(self, market: Instant, wall: Instant) -> None:
        """Ask about every series whose newest candle should have been heard for a while."""
        for key, line in self.lines.items():
            if key in self._due:
                continue
            if telling.newest_closed(key[1], market) <= line.top:
                self._late.pop(key, None)
            elif wall - self._late.setdefault(key, wall) >= OVERDUE_MS:
                self.check(key, market, wall)

    def asks(self, market: Instant, wall: Instant) -> Sequence[Ask]:
        """Return the questions whose time has come; each is to be `answered` or `failed`."""
        found = []
        for key, due in list(self._due.items()):
            hole = hole_in(self.lines[key], telling.newest_closed(key[1], market))
            if due.asking or due.at > wall:
                continue
            if hole is None:
                self._settled(key)
                continue
            due.asking = True
            found.append(Ask(key, hole.first, min(PAGE, hole.candles + 1)))
        return found

    def failed(self, ask: Ask, wall: Instant) -> None:
        """Nobody answered: ask again in a while."""
        due = self._due.get(ask.key)
        if due is not None:
            due.asking, due.at = False, Instant(wall + FAILED_MS)

    def answered(self, ask: Ask, answer: Sequence[Candle], market: Instant, wall: Instant) -> Sequence[Effect]:
        """Take what REST said: closed candles from `ask.start` on, oldest first."""
        if ask.key not in self.lines or ask.start > self.lines[ask.key].next_open:  # asked before it was lost
            return ()
        closed = telling.closed_of(answer, market)
        wrong = {candle.open_at: text for candle in closed if (text := fault(candle))}
        effects: list[Effect] = [
            Quarantined(candle, wrong[candle.open_at]) for candle in closed if candle.open_at in wrong
        ]
        good = [candle for candle in closed if candle.open_at not in wrong]
        if good:
            self.lines[ask.key] = begin_at(self.lines[ask.key], good[0].open_at)
        before = self.lines[ask.key].top
        effects += self._take(ask.key, good)
        hole = hole_in(self.lines[ask.key], telling.newest_closed(ask.key[1], market))
        if hole is None:
            self._settled(ask.key)
        elif self.lines[ask.key].top > before:
            self._due[ask.key] = Due(wall)
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
        self.begin(key, loss.end, self._launched[key], market, wall)
        if loss.told is None:
            self._quiet[key] = quiet if loss.end is None else max(quiet, loss.end)
        elif loss.end is None:
            self._quiet[key] = loss.told

    def _take(self, key: Key, candles: Iterable[Candle]) -> list[Effect]:
        before = self.lines[key].stored
        self.lines[key], ready = take(self.lines[key], candles)
        return self._told(key, before, ready)

    def _told(self, key: Key, before: Instant | None, ready: Sequence[Candle]) -> list[Effect]:
        """The effects of candles that follow each other after `before`."""
        messages = [telling.as_message(candle) for candle in ready]
        quiet = tuple(message for message in messages if message.open_at <= self._quiet[key])
        effects: list[Effect] = [Store(quiet, before, self._taken[key])] if quiet else []
        after = quiet[-1].open_at if quiet else before
        for message in messages[len(quiet) :]:
            effects.append(Tell(message, after, self._taken[key]))
            after = message.open_at
        return effects

    def _try_again(self, key: Key, hole: Hole, wall: Instant) -> Sequence[Effect]:
        """Ask again later, or give the hole up; what was never stored has no hole that anybody would miss."""
        due = self._due[key]
        due.asking, due.tries, due.at = False, due.tries + 1, Instant(wall + AGAIN_MS * 2**due.tries)
        if due.tries < TRIES:
            return ()
        before = self.lines[key].stored
        self.lines[key], missing, ready = pass_over(self.lines[key], hole)
        self._due[key] = Due(wall)
        reason = f"the venue did not have it in {TRIES} answers"
        lost = [GivenUp(telling.missing(*key, open_at, reason)) for open_at in missing if before is not None]
        return [*lost, *self._told(key, before, ready)]

    def _settled(self, key: Key) -> None:
        self._due.pop(key, None)
        self._late.pop(key, None)
        self.loading.discard(key)
