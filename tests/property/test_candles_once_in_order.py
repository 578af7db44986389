"""Any mix of frames, duplicates, reorderings, losses and REST pages tells each candle once, in order."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from libs.common.units import Instant, Timeframe
from services.fetcher.core.catch_up import CatchUp, Effect, GivenUp, Lane, Store, Tell
from services.fetcher.core.quarantine import Quarantined
from tests.support.venue_candles import BTC, MORNING, closes_at, venue_candle

KEY = (BTC, Timeframe.M15)
NEWEST = 30

happenings = st.lists(
    st.one_of(
        st.tuples(st.just("live"), st.integers(0, NEWEST)),
        st.tuples(st.just("rest"), st.integers(1, 8)),  # how many candles a page has
        st.tuples(st.just("rest fails"), st.just(0)),
        st.tuples(st.just("wall passes"), st.integers(100, 60_000)),
        st.tuples(st.just("reconnected"), st.just(0)),
    ),
    max_size=60,
)


class Run:
    """One fetcher's series at a venue that lacks some candles."""

    def __init__(self, stored: int | None, absent: frozenset[int]) -> None:
        self.series, self.absent = CatchUp(history=20), absent
        self.wall, self.market = Instant(0), closes_at(10)
        self.stored: list[int] = [] if stored is None else [stored]
        self.missing: list[int] = []
        top = None if stored is None else Instant(MORNING + stored * KEY[1].ms)
        self.series.begin(KEY, top, Instant(0), self.market, self.wall)

    def happens(self, what: str, value: int) -> None:
        match what:
            case "live":
                if value not in self.absent:
                    self.market = max(self.market, closes_at(value))
                    self.obey(self.series.hear(venue_candle(value), self.wall))
            case "rest":
                self.rest(value)
            case "rest fails":
                for ask in self.series.asks(self.market, self.wall, held=(), room={Lane.OTHER: 1}):
                    self.series.failed(ask, self.wall, is_refused=False)
            case "wall passes":
                self.wall = Instant(self.wall + value)
                self.series.watch(self.market, self.wall)
            case "reconnected":
                self.series.check(KEY, self.market, self.wall)

    def rest(self, page: int) -> None:
        for ask in self.series.asks(self.market, self.wall, held=(), room={Lane.OTHER: 1}):
            first = (ask.start - MORNING) // KEY[1].ms
            there = [n for n in range(first, NEWEST + 1) if n not in self.absent and closes_at(n) <= self.market]
            candles = [venue_candle(n) for n in there[: min(page, ask.limit)]]
            self.obey(self.series.answered(ask, candles, self.market, self.wall))

    def obey(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Store(candles=candles):
                    self.stored += [self.number(candle.open_at) for candle in candles]
                case Tell(candle=candle, after=after):
                    assert (None if after is None else self.number(after)) == (self.stored[-1] if self.stored else None)
                    self.stored.append(self.number(candle.open_at))
                case GivenUp(candle=missing):
                    self.missing.append(self.number(missing.open_at))
                case Quarantined():
                    raise AssertionError("every candle was possible")

    def ends(self) -> None:
        """Let the feed be heard and the venue be asked until nothing is open."""
        self.market = closes_at(NEWEST)
        for _ in range(400):
            self.happens("wall passes", 60_000)
            self.rest(8)

    @staticmethod
    def number(open_at: int) -> int:
        return (open_at - MORNING) // KEY[1].ms


@given(stored=st.none() | st.integers(0, 10), absent=st.frozensets(st.integers(0, NEWEST), max_size=6), mix=happenings)
def test_each_candle_is_told_once_and_in_order(
    stored: int | None, absent: frozenset[int], mix: list[tuple[str, int]]
) -> None:
    run = Run(stored, absent)
    for what, value in mix:
        run.happens(what, value)
        assert run.stored == sorted(set(run.stored))
    run.ends()
    assert run.stored == sorted(set(run.stored))
    assert run.series.is_complete
    assert run.series.lines[KEY].top >= MORNING + NEWEST * KEY[1].ms
    first = run.stored[0] if run.stored else NEWEST + 1
    expected = [n for n in range(first, NEWEST + 1) if n not in absent]
    assert [n for n in run.stored if n not in absent] == expected
    assert set(run.missing) <= absent
