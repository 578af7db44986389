"""How long positions are seen without a live stop, ours and a stranger's: for the metrics, and for the trade."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from libs.common.exchange.trading_types import VenuePosition
from libs.common.units import Symbol
from services.executor.core.kept import PositionStatus
from services.executor.shell.desk import Desk


@dataclass(slots=True)
class Spell:
    """Monotonic ms: when it was first seen, and until when it is counted."""

    since: float
    counted: float


class NakedTime:
    """Counted at every look while it lasts: a position that ends without a stop, or a process that does, loses none."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._spells: dict[Symbol, Spell] = {}

    def seen(self, report: Sequence[VenuePosition]) -> None:
        """Take in the venue's report: what has no stop is naked, everything else is not."""
        bare = {venue.symbol for venue in report if venue.stop is None}
        now = self._desk.clock.monotonic_ms()
        for symbol in bare:
            self._spells.setdefault(symbol, Spell(now, now))
        for symbol in tuple(self._spells):
            self._count(symbol)
            if symbol not in bare:
                del self._spells[symbol]

    def covered(self, symbol: Symbol) -> None:
        """The venue has just taken a stop for it."""
        if symbol in self._spells:
            self._count(symbol)
            del self._spells[symbol]

    def longest_ms(self) -> int:
        """Wall milliseconds for which the longest naked position has had no stop; 0 when all have one."""
        now = self._desk.clock.monotonic_ms()
        return int(max((now - spell.since for spell in self._spells.values()), default=0.0))

    def _count(self, symbol: Symbol) -> None:
        spell = self._spells[symbol]
        more = int(self._desk.clock.monotonic_ms() - spell.counted)
        if more <= 0:
            return
        spell.counted += more
        self._desk.counts["naked_ms"] += more
        with self._desk.write() as pages:
            flat = (kept for kept in pages.positions(PositionStatus.FLAT) if kept.position.symbol == symbol)
            kept = pages.open_position(symbol) or next(flat, None)
            if kept is not None:
                pages.keep_position(replace(kept, naked_ms=kept.naked_ms + more))
