"""Which stretch of recorded data is played: where it starts when nobody says, and what may be asked for."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from libs.common.errors import Misconfigured
from libs.common.units import DAY_MS, HOUR_MS, Instant

HISTORY_MS: Final = 2 * DAY_MS  # what a market should have behind it when it starts
TRAINING_MS: Final = 2_000 * HOUR_MS  # history that the first training would like to have


@dataclass(frozen=True, slots=True)
class Span:
    start: Instant
    end: Instant


def default_start(first: Instant, last: Instant) -> Instant:
    """Leave 2,000 hours of history, to the next midnight, but play at least half of first..last.

    Of less than four days leave two and play the rest, if there is as much as an hour.
    """
    wanted = -(-(first + TRAINING_MS) // DAY_MS) * DAY_MS
    half = (last - first) // 2 // HOUR_MS * HOUR_MS
    least = HISTORY_MS if last - first >= HISTORY_MS + HOUR_MS else 0
    return Instant(min(wanted, first + max(half, least)))


def choose(first: Instant, last: Instant, start: Instant | None, end: Instant | None) -> Span:
    """Return what to play of data in first..last. Raises Misconfigured naming the key."""
    begin = default_start(first, last) if start is None else start
    finish = last if end is None else end
    if not first <= begin < last:
        raise Misconfigured(
            f"paper.from = {_day(begin)}: outside the data, which goes from {_day(first)} to {_day(last)}"
        )
    if not begin < finish <= last:
        raise Misconfigured(f"paper.to = {_day(finish)}: must be after {_day(begin)} and at most {_day(last)}")
    return Span(begin, finish)


def _day(at: Instant) -> str:
    return datetime.fromtimestamp(at / 1_000, UTC).strftime("%Y-%m-%dT%H:%MZ")
