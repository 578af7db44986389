"""When funding settles and at what rate: as recorded, and where nothing is recorded at the venue's base rate."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from libs.common.units import HOUR_MS, Instant

FUNDING_INTERVAL_MS: Final = 8 * HOUR_MS  # 00:00, 08:00 and 16:00 UTC
BASE_RATE: Final = Decimal("0.0001")  # the interest part of a rate, which is what a quiet market pays


class Funding(Protocol):
    """The settlements of one symbol: those recorded, or those of an invented market."""

    def between(self, after: int, until: int) -> Sequence[tuple[Instant, Decimal]]:
        """Settlements in (after, until]."""
        ...

    def rate(self, now: int) -> Decimal:
        """The best guess of the next rate that looks at nothing later than `now`."""
        ...

    def next(self, now: int) -> Instant:
        """The first settlement after `now`."""
        ...

    def later(self, by_ms: int) -> "Funding":
        """The same settlements, `by_ms` later: whole days."""
        ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """Recorded settlements, oldest first, at whatever intervals; before and after them `BASE_RATE` every eight hours.

    Nothing settles at or before `since`.
    """

    since: Instant
    recorded: tuple[tuple[Instant, Decimal], ...] = ()

    def later(self, by_ms: int) -> "Schedule":
        """The same settlements, `by_ms` later: whole days."""
        recorded = tuple((Instant(at + by_ms), rate) for at, rate in self.recorded)
        return Schedule(Instant(self.since + by_ms), recorded)

    def between(self, after: int, until: int) -> Sequence[tuple[Instant, Decimal]]:
        """Settlements in (after, until]."""
        after = max(after, self.since)
        if not self.recorded:
            return _usual(after, until)
        known = self.recorded[self._known(after) : max(self._known(after), self._known(until))]
        first, last = self.recorded[0][0], self.recorded[-1][0]
        return (*_usual(after, min(until, first - 1)), *known, *_usual(max(after, last), until))

    def next(self, now: int) -> Instant:
        """The first settlement after `now`."""
        begin = max(now, self.since)
        known = self._known(begin)
        usual = Instant((begin // FUNDING_INTERVAL_MS + 1) * FUNDING_INTERVAL_MS)
        if known == len(self.recorded):
            return usual
        return min(self.recorded[known][0], usual) if known == 0 else self.recorded[known][0]

    def rate(self, now: int) -> Decimal:
        """The best guess of the next rate that looks at nothing later than `now`: the newest settled one."""
        known = self._known(now)
        return self.recorded[known - 1][1] if known else BASE_RATE

    def _known(self, at: int) -> int:
        return bisect_right(self.recorded, at, key=lambda settlement: settlement[0])


def _usual(after: int, until: int) -> tuple[tuple[Instant, Decimal], ...]:
    numbers = range(after // FUNDING_INTERVAL_MS + 1, until // FUNDING_INTERVAL_MS + 1)
    return tuple((Instant(number * FUNDING_INTERVAL_MS), BASE_RATE) for number in numbers)
