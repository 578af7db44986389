"""The order book of one symbol at another venue, kept from its snapshots and deltas.

1. Bids and asks never cross, and hold only positive quantities.
2. What does not fit says so, and the book is empty until the next snapshot: no guess stands in for levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from libs.common.units import ZERO, Instant, Price, Qty
from services.paper_exchange.core.market.depth import Level, Sides
from services.paper_exchange.core.relayed.upstream_frames import LevelsHeard

MOST_LEVELS: Final = 1_000  # a side


@dataclass(slots=True)
class LevelBook:
    """Mutable. `at` is when it was last heard of."""

    at: Instant = Instant(0)
    _number: int = 0
    _bids: dict[Price, Qty] | None = None
    _asks: dict[Price, Qty] | None = None
    _sides: Sides | None = None

    def clear(self) -> None:
        """Forget all levels: what was missed of them is not known."""
        self._bids = self._asks = self._sides = None

    def hear(self, heard: LevelsHeard) -> bool:
        """Take a frame in; False when it does not fit what was heard before: ask for a snapshot."""
        if heard.is_snapshot:
            self._bids, self._asks = {}, {}
        elif self._bids is None or self._asks is None:
            return True  # the snapshot is still on its way
        elif heard.number <= self._number:
            return True  # heard before
        self._sides = None
        self.at, self._number = heard.at, heard.number
        fits = _take(self._bids, heard.bids) and _take(self._asks, heard.asks) and not self._is_crossed()
        if not fits:
            self.clear()
        return fits

    def sides(self) -> Sides | None:
        """Both ladders, best first; None without a snapshot or where a side is empty."""
        if self._sides is None and self._bids and self._asks:
            bids = sorted(self._bids.items(), reverse=True)
            asks = sorted(self._asks.items())
            self._sides = Sides(tuple(Level(*each) for each in bids), tuple(Level(*each) for each in asks))
        return self._sides

    def _is_crossed(self) -> bool:
        return bool(self._bids and self._asks and max(self._bids) >= min(self._asks))


def _take(side: dict[Price, Qty], changes: Sequence[Level]) -> bool:
    """Change `side`; False when a level is deleted that it does not have, or it grows without end."""
    for level in changes:
        if level.qty > ZERO:
            side[level.price] = level.qty
        elif side.pop(level.price, None) is None:
            return False
    return len(side) <= MOST_LEVELS
