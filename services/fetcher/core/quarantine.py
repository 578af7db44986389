"""Candles that are kept from everybody: the impossible for good, the doubtful until the venue has repeated them.

1. An impossible candle is never told: what the venue does not correct is missing.
2. A doubtful candle (off its tick, or far off everything around it) is told when CONFIRMED answers over REST said the
   same: it is what the venue says, and the venue fills and liquidates by it.
3. Only what is announced is doubted: of history the venue has had time to correct what was wrong.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from libs.common.contracts.market import CandleClosed
from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Price, Symbol, Timeframe
from services.fetcher.core.outliers import Crowd, Neighbours
from services.fetcher.core.quality import fault, misplaced, off_tick

CONFIRMED: Final = 3  # answers over REST
CASES: Final = 1_000  # of one series: a page of answers

Series = tuple[Symbol, Timeframe]


class Kind(StrEnum):
    IMPOSSIBLE = "impossible"
    OFF_TICK = "off_tick"
    OUTLIER = "outlier"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A candle that is kept back from now on; said once, and again when the venue tells it differently."""

    candle: Candle
    kind: Kind
    fault: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A doubtful candle that the venue repeated so often that it is told after all."""

    candle: Candle
    fault: str


@dataclass(slots=True)
class Case:
    candle: Candle
    kind: Kind
    fault: str
    answers: int = 0  # over REST, that told it so

    def repeats(self, candle: Candle) -> bool:
        mine, its = self.candle, candle
        return (mine.open, mine.high, mine.low, mine.close) == (its.open, its.high, its.low, its.close)


@dataclass(slots=True)
class Quarantine:
    """`ticks`: of each symbol, as far as they are known; `counts`: cases by kind, and `confirmed`, since the start."""

    ticks: Mapping[Symbol, Price] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    _cases: dict[Series, dict[Instant, Case]] = field(default_factory=dict)
    _neighbours: dict[Series, Neighbours] = field(default_factory=dict)
    _crowd: Crowd = field(default_factory=Crowd)
    _news: list[Quarantined | Confirmed] = field(default_factory=list)

    def refuses(self, candle: Candle, now: Instant) -> bool:
        """Keep an impossible candle back, which is told at market time `now`."""
        if text := misplaced(candle, now):  # it is no word on any candle of the series, so none is kept back for it
            self.counts[Kind.IMPOSSIBLE] += 1
            self._news.append(Quarantined(candle, Kind.IMPOSSIBLE, text))
        elif text := fault(candle):
            self._case(candle, Kind.IMPOSSIBLE, text)
        return text is not None

    def admits(self, candle: Candle) -> bool:
        """Look at the next candle of its series that is to be announced; keep it back while it is in doubt."""
        neighbours = self._of(candle)
        way = neighbours.way(candle)
        self._crowd.note(candle, way)
        tick = self.ticks.get(candle.symbol)
        if tick is not None and (text := off_tick(candle, tick)):
            doubt = Kind.OFF_TICK, text
        elif text := neighbours.doubt(candle, way, self._crowd):
            doubt = Kind.OUTLIER, text
        else:
            neighbours.note(candle, way)
            return True
        case = self._case(candle, *doubt)
        case.answers += candle.closed is None  # the stream says that it is closed, REST does not
        if case.answers < CONFIRMED:
            return False
        self.counts["confirmed"] += 1
        self._news.append(Confirmed(candle, case.fault))
        neighbours.note(candle, way)
        return True

    def remember(self, candles: Iterable[Candle | CandleClosed]) -> None:
        """Know these candles, of each series oldest first, for later ones to be judged by."""
        for candle in candles:
            neighbours = self._of(candle)
            neighbours.note(candle, neighbours.way(candle))

    def news(self) -> list[Quarantined | Confirmed]:
        """Return what was decided since the last time."""
        news, self._news = self._news, []
        return news

    def why(self, key: Series, open_at: Instant) -> str | None:
        """What is wrong with the candle that is kept back there."""
        case = self._cases.get(key, {}).get(open_at)
        return case.fault if case else None

    def holds(self, key: Series) -> bool:
        return key in self._cases

    @property
    def held(self) -> int:
        """How many candles are kept back now."""
        return sum(map(len, self._cases.values()))

    @property
    def doubts_ticks(self) -> bool:
        """Whether a candle is off the tick that we know: the venue may have changed it."""
        return any(case.kind is Kind.OFF_TICK for cases in self._cases.values() for case in cases.values())

    def passed(self, key: Series, top: Instant) -> None:
        """The series went on past `top`, with or without what was kept back there."""
        if key not in self._cases:
            return
        left = {at: case for at, case in self._cases.pop(key).items() if at > top}
        if left:
            self._cases[key] = left

    def forget(self, key: Series) -> None:
        """The series begins anew, or somebody else has it."""
        self._cases.pop(key, None)
        self._neighbours.pop(key, None)

    def _of(self, candle: Candle | CandleClosed) -> Neighbours:
        key = (candle.symbol, candle.timeframe)
        known = self._neighbours.get(key)
        if known is None:
            known = self._neighbours[key] = Neighbours()
        return known

    def _case(self, candle: Candle, kind: Kind, text: str) -> Case:
        cases = self._cases.setdefault((candle.symbol, candle.timeframe), {})
        known = cases.get(candle.open_at)
        if known is not None and known.repeats(candle):
            return known
        if known is None and len(cases) == CASES:
            del cases[next(iter(cases))]
        self.counts[kind] += known is None
        cases[candle.open_at] = Case(candle, kind, text)
        self._news.append(Quarantined(candle, kind, text))
        return cases[candle.open_at]
