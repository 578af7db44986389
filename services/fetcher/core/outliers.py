"""Candles that are possible and that nothing around them bears out: a price far off, and nobody who traded more for it.

1. A candle is far off when it leaves the close before it by more than FAR times the mean range of the WINDOW candles
   before, and by more than LEAST.
2. Volume bears it out: a wick that was real was traded. Of all recorded candles that are far off in a calm market, the
   one with the least volume for its size had 1.3 times what `doubt` asks for.
3. The market bears it out: where a third of the other symbols went a third of its way, it is no print of its own.
4. With fewer than WINDOW candles before it nothing is far off.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from math import inf, log
from typing import Final, NamedTuple

from libs.common.contracts.market import CandleClosed
from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Symbol, Timeframe

WINDOW: Final = 32  # candles
FAR: Final = 8.0  # mean ranges
LEAST: Final = 0.02  # log: 2 %
TRADED: Final = 1.25  # times the mean volume; bears out a candle that is a little far off
TRADED_EACH: Final = 1 / 30  # times the mean volume, for every mean range that it is off
ALIKE: Final = 3.0
MOMENTS: Final = 128  # open times of all timeframes of which it is known how far each symbol went


class Way(NamedTuple):
    """How far a candle left the close before it, both ways, as log returns that are not negative."""

    up: float
    down: float


@dataclass(slots=True)
class Neighbours:
    """The newest candles of one series."""

    _end: tuple[Instant, float] | None = None  # where the newest closes: when, and at what price
    _ranges: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _volumes: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def way(self, candle: Candle | CandleClosed) -> Way:
        """Measure from the close before it; behind a hole, from its own open."""
        at, close = self._end or (None, 0.0)
        before = close if at == candle.open_at else float(candle.open)
        return Way(max(0.0, log(float(candle.high) / before)), max(0.0, log(before / float(candle.low))))

    def note(self, candle: Candle | CandleClosed, way: Way) -> None:
        """Take the next candle, which went `way`, for those that follow to be judged by."""
        self._ranges.append(way.up + way.down)
        self._volumes.append(float(candle.volume))
        self._end = Instant(candle.open_at + candle.timeframe.ms), float(candle.close)

    def doubt(self, candle: Candle, way: Way, crowd: "Crowd") -> str | None:
        """Say what is hard to believe about a candle that went `way` while the crowd went its; None: nothing."""
        off = max(way)
        if off <= LEAST or len(self._ranges) < WINDOW:
            return None
        times = off / max(sum(self._ranges) / WINDOW, LEAST / FAR)
        usual = sum(self._volumes) / WINDOW
        traded = float(candle.volume) / usual if usual else (inf if candle.volume else 0.0)
        if times <= FAR or traded >= max(TRADED, times * TRADED_EACH):
            return None
        side, others = way.index(off), crowd.others(candle)
        if others and ALIKE * sum(other[side] * ALIKE >= off for other in others) >= len(others):
            return None
        return f"it goes {times:.0f} usual ranges {('up', 'down')[side]} at {traded:.1f} times the usual volume, alone"


@dataclass(slots=True)
class Crowd:
    """How far every symbol went at the newest MOMENTS open times that were heard of."""

    _went: dict[tuple[Timeframe, Instant], dict[Symbol, Way]] = field(default_factory=dict)

    def note(self, candle: Candle, way: Way) -> None:
        moment = candle.timeframe, candle.open_at
        if moment not in self._went and len(self._went) == MOMENTS:
            del self._went[next(iter(self._went))]
        self._went.setdefault(moment, {})[candle.symbol] = way

    def others(self, candle: Candle) -> Collection[Way]:
        """The ways of all other symbols at the same time, as far as they are known."""
        went = self._went.get((candle.timeframe, candle.open_at), {})
        return [way for symbol, way in went.items() if symbol != candle.symbol]
