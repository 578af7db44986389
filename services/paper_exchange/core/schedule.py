"""When funding settles and at what rate: as recorded, or every eight hours at the venue's base rate."""

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


@dataclass(frozen=True, slots=True)
class Schedule:
    """Recorded settlements, oldest first; with none, `BASE_RATE` every eight hours from `since`."""

    since: Instant
    recorded: tuple[tuple[Instant, Decimal], ...] = ()

    def between(self, after: int, until: int) -> Sequence[tuple[Instant, Decimal]]:
        """Settlements in (after, until]."""
        after = max(after, self.since)
        if self.recorded:
            return self.recorded[self._known(after) : max(self._known(after), self._known(until))]
        first = after // FUNDING_INTERVAL_MS + 1
        return tuple(
            (Instant(k * FUNDING_INTERVAL_MS), BASE_RATE) for k in range(first, until // FUNDING_INTERVAL_MS + 1)
        )

    def rate(self, now: int) -> Decimal:
        """The best guess of the next rate that looks at nothing later than `now`: the newest settled one."""
        known = self._known(now)
        return self.recorded[known - 1][1] if known else BASE_RATE

    def _known(self, at: int) -> int:
        return bisect_right(self.recorded, at, key=lambda settlement: settlement[0])
