"""What a world keeps from its first start, so that every restart finds the same market at the same dates."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from libs.common.errors import Misconfigured
from libs.common.units import DAY_MS, Instant
from services.paper_exchange.core.market.columns import WEEK_MS
from services.paper_exchange.core.market.span import Span
from services.paper_exchange.core.market.trail import Beat

FASTEST_WATCHED: Final = Decimal(10)  # up to this speed a tick every market second is what somebody can look at


@dataclass(frozen=True, slots=True)
class Terms:
    """beat: how often prices tick. later_ms: how much later than its data the market is dated.

    follows_wall: whether market time is wall time, which is what speed 1 means: after a pause or a restart it catches
    up.
    """

    beat: Beat
    later_ms: int
    follows_wall: bool

    def text(self) -> str:
        """As the books keep it."""
        return f"{self.beat} {self.later_ms} {'wall' if self.follows_wall else 'own'}"

    @classmethod
    def read(cls, text: str) -> "Terms":
        """Read what `text` wrote."""
        beat, later_ms, time = text.split()
        return cls(Beat(beat), int(later_ms), time == "wall")


def beat_of(speed: Decimal | None) -> Beat:
    """Return how often a market ticks that begins at `speed` (None: lockstep)."""
    return Beat.SECOND if speed is not None and speed <= FASTEST_WATCHED else Beat.CANDLE


def redated(first: Instant, span: Span, wall: Instant, *, by_day: bool) -> int:
    """Return how many ms later than its data a market is, so that at `wall` it plays the day that begins at span.start.

    Whole weeks, so that weekdays survive, unless that day was asked for or a week is not left; else whole days, so
    that candles and funding stay where they were in the day. first: where the data begin.
    Raises Misconfigured where they have no such time of day.
    """
    for step in (DAY_MS,) if by_day else (WEEK_MS, DAY_MS):
        later = (wall - span.start) // step * step
        if wall - later < span.end:
            return later
    later += DAY_MS
    if wall - later < first:
        raise Misconfigured("paper.speed = 1: the data hold less than a day, so there is no such time of day in them")
    return later
