"""Any mix of frames, misprints, duplicates, reorderings, losses, reconnects and REST pages tells the venue's candles.

Exactly those: each once, in order, with the values that the venue has in the end; what it never had is missing once.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.common.contracts.market import CandleClosed, ClosedBar
from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Price, Qty, Timeframe
from services.fetcher.core.catch_up import Ask, CatchUp, Effect, GivenUp, Lane, Store, Tell
from services.fetcher.core.outliers import WINDOW
from services.fetcher.core.quarantine import Confirmed, Quarantined
from tests.support.venue_candles import BTC, MORNING, as_message, closes_at, venue_candle

M15: Final = Timeframe.M15
KEY: Final = (BTC, M15)
HISTORY: Final = 40
BEGUN: Final = 45  # the newest candle that has closed when the series is taken up
NEWEST: Final = 75
WRONG: Final = ("impossible", "off its tick", "far off")


class Misprint(NamedTuple):
    """A candle that every frame tells wrong, and REST as often as this before it is corrected."""

    kind: str
    answers: int


happenings = st.lists(
    st.one_of(
        st.tuples(st.just("frame"), st.integers(BEGUN - 5, NEWEST)),  # the market is at its close, at least
        st.tuples(st.just("market passes"), st.integers(1, 2 * M15.ms)),
        st.tuples(st.just("asked"), st.integers(1, 8)),  # how many candles the page will have
        st.tuples(st.just("venue answers"), st.just(0)),
        st.tuples(st.just("answer arrives"), st.just(0)),
        st.tuples(st.just("question fails"), st.just(0)),
        st.tuples(st.just("wall passes"), st.integers(100, 60_000)),
        st.tuples(st.just("reconnected"), st.just(0)),
    ),
    max_size=80,
)
misprints = st.dictionaries(
    st.integers(BEGUN + 1, NEWEST), st.builds(Misprint, st.sampled_from(WRONG), st.integers(0, 2)), max_size=6
)
somewhere = st.frozensets(st.integers(0, NEWEST), max_size=6)


def wrong(candle: Candle, kind: str) -> Candle:
    match kind:
        case "impossible":
            return candle._replace(low=Price(candle.high + 1))
        case "off its tick":
            return candle._replace(high=Price(candle.high + Decimal("0.5")))
        case _:
            return candle._replace(high=Price(candle.high * 3))


class Run:
    """One fetcher's series at a venue that lacks some candles, misprints some, and has `odd` ones off their tick."""

    def __init__(self, stored: int | None, absent: frozenset[int], odd: frozenset[int], bad: dict[int, Misprint]):
        self.absent, self.odd, self.bad = absent, odd, bad
        self.series = CatchUp(HISTORY)
        self.series.quarantine.ticks = {BTC: Price(Decimal(1))}
        self.wall, self.market = Instant(0), closes_at(BEGUN)
        self.stored: list[int] = [] if stored is None else [stored]
        self.told: dict[int, CandleClosed] = {}
        self.missing: list[int] = []
        self.answered = dict.fromkeys(bad, 0)
        self.asked: list[tuple[Ask, int]] = []
        self.on_the_way: list[tuple[Ask, list[Candle]]] = []
        top = None if stored is None else Instant(MORNING + stored * M15.ms)
        if stored is not None:  # whoever takes a series up recalls its newest candles
            self.series.quarantine.remember(venue_candle(n) for n in range(stored - WINDOW + 1, stored + 1))
        self.series.begin(KEY, top, Instant(0), self.market, self.wall)

    def venue(self, n: int) -> Candle:
        """What the venue has in the end."""
        real = venue_candle(n)
        return wrong(real, "off its tick") if n in self.odd and n not in self.bad else real

    def happens(self, what: str, value: int) -> None:
        match what:
            case "frame":
                self.frame(value)
            case "market passes":
                self.market = min(Instant(self.market + value), closes_at(NEWEST))
            case "asked":
                room = {Lane.OTHER: 1}
                self.asked += [(ask, value) for ask in self.series.asks(self.market, self.wall, busy=(), room=room)]
            case "venue answers" if self.asked:
                ask, page = self.asked.pop()
                self.on_the_way.append((ask, self.page(ask, page)))
            case "answer arrives" if self.on_the_way:
                ask, candles = self.on_the_way.pop()
                self.obey(self.series.answered(ask, candles, self.market, self.wall))
            case "question fails" if self.asked:
                self.series.failed(self.asked.pop()[0], self.wall, is_refused=False)
            case "wall passes":
                self.wall = Instant(self.wall + value)
                self.series.watch(self.market, self.wall)
            case "reconnected":
                self.series.check(KEY, self.market, self.wall)

    def frame(self, n: int) -> None:
        if n in self.absent:
            return
        self.market = max(self.market, closes_at(n))
        told = wrong(self.venue(n), self.bad[n].kind) if n in self.bad else self.venue(n)
        self.obey(self.series.hear(told._replace(closed=True), self.market, self.wall))

    def page(self, ask: Ask, most: int) -> list[Candle]:
        """What REST says now: at most `most` candles, and the one that is forming as it stands."""
        first, forming = self.number(ask.start), self.number(self.market)
        there = [n for n in range(first, forming + 1) if n not in self.absent and n <= NEWEST]
        return [self.half(n) if n == forming else self.rest(n) for n in there[: min(most, ask.limit)]]

    def half(self, n: int) -> Candle:
        real = venue_candle(n)
        return real._replace(high=real.open, low=real.open, close=real.open, volume=Qty(Decimal(1)))

    def rest(self, n: int) -> Candle:
        if n in self.bad and self.answered[n] < self.bad[n].answers:
            self.answered[n] += 1
            return wrong(self.venue(n), self.bad[n].kind)
        return self.venue(n)

    def obey(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Store(candles=candles, after=after):
                    for candle in candles:
                        self.store(candle, after)
                        after = candle.open_at
                case Tell(candle=candle, after=after):
                    self.store(candle, after)
                case GivenUp(candle=missing):
                    self.missing.append(self.number(missing.open_at))
                case Quarantined(candle=kept):
                    assert self.number(kept.open_at) in self.bad.keys() | self.odd
                case Confirmed(candle=confirmed):
                    assert self.number(confirmed.open_at) in self.odd

    def store(self, candle: ClosedBar, after: Instant | None) -> None:
        assert (None if after is None else self.number(after)) == (self.stored[-1] if self.stored else None)
        number = self.number(candle.open_at)
        assert number > (self.stored[-1] if self.stored else -1)
        self.stored.append(number)
        self.told[number] = candle if isinstance(candle, CandleClosed) else as_message(candle)

    def ends(self) -> None:
        """Let the market be at its end and the venue be asked until nothing is open."""
        self.happens("market passes", NEWEST * M15.ms)
        for _ in range(400):
            for what in ("wall passes", "asked", "venue answers", "answer arrives"):
                self.happens(what, 60_000 if what == "wall passes" else 8)

    @staticmethod
    def number(open_at: int) -> int:
        return (open_at - MORNING) // M15.ms


FORMING_WHEN_ANSWERED: Final = [("asked", 3), ("venue answers", 0)]  # and closed when the answer arrives


@settings(max_examples=400)
@example(stored=43, absent=frozenset(), odd=frozenset(), bad={}, mix=FORMING_WHEN_ANSWERED)
@given(stored=st.none() | st.integers(0, BEGUN), absent=somewhere, odd=somewhere, bad=misprints, mix=happenings)
def test_the_venues_candles_are_told_and_nothing_else(
    stored: int | None,
    absent: frozenset[int],
    odd: frozenset[int],
    bad: dict[int, Misprint],
    mix: list[tuple[str, int]],
) -> None:
    run = Run(stored, absent, odd, bad)
    for what, value in mix:
        run.happens(what, value)
    run.ends()
    assert run.series.is_complete
    assert run.series.quarantine.held == 0
    assert run.series.lines[KEY].top == MORNING + NEWEST * M15.ms
    first = stored + 1 if stored is not None else min(run.told, default=NEWEST + 1)
    first = max(first, BEGUN - HISTORY + 1)
    assert run.told == {n: as_message(run.venue(n)) for n in range(first, NEWEST + 1) if n not in absent}
    if stored is not None:
        assert run.missing == [n for n in range(first, NEWEST + 1) if n in absent]
