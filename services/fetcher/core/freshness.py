"""Which series have lacked a candle that closed for too long, and when that keeps a fetcher from its work.

1. A series is late from when the market says that the candle after its newest stored one has closed. One that catches
   up is as late as its next candle is.
2. A fetcher is not ready while a held symbol's series is stale, or more than half of all. Else a stale series is told,
   and nothing waits for it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from libs.common.units import Instant, Symbol
from services.fetcher.core.candles import newest_closed
from services.fetcher.core.catch_up import Key
from services.fetcher.core.gaps import Line


@dataclass(frozen=True, slots=True)
class Stale:
    """A series that waits for its next candle. `late_ms`: wall; `closed`: when its newest candle did, market time."""

    key: Key
    late_ms: int
    closed: Instant


@dataclass(slots=True)
class Freshness:
    """Since when (wall) each series has waited for the candle after the one that it ends with."""

    _late: dict[Key, tuple[Instant, Instant]] = field(default_factory=dict)

    def look(self, lines: Mapping[Key, Line], market: Instant, wall: Instant) -> None:
        """See which of these series are late; all others are not any more."""
        late: dict[Key, tuple[Instant, Instant]] = {}
        for key, line in lines.items():
            if line.stored is None or newest_closed(line.timeframe, market) <= line.stored:
                continue
            end, since = self._late.get(key, (line.stored, wall))
            late[key] = (end, since) if end == line.stored else (line.stored, wall)
        self._late = late

    def stale(self, wall: Instant, *, bound_ms: int) -> Sequence[Stale]:
        """Every series that is late for at least `bound_ms`, the latest first."""
        found = [
            Stale(key, wall - since, Instant(end + key[1].ms))
            for key, (end, since) in self._late.items()
            if wall - since >= bound_ms
        ]
        return sorted(found, key=lambda each: (-each.late_ms, each.key))

    def late_ms(self, key: Key, wall: Instant) -> int:
        late = self._late.get(key)
        return wall - late[1] if late else 0


def in_the_way(stale: Sequence[Stale], held: Collection[Symbol], series: int) -> Sequence[Stale]:
    """Return those that keep a fetcher of so many series from its work; none: it can do it."""
    return [each for each in stale if each.key[0] in held] or (stale if 2 * len(stale) > series else ())
