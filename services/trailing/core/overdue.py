"""A stop that should have fired and evidently has not.

1. One price beyond the stop proves nothing: the venue's fill is still on its way to us.
2. Wall time measures the delay, because it is the way of a message that is waited for.
"""

from typing import Final

from libs.common.units import Instant, Price, Side
from services.trailing.core.ratchet import gain

GRACE_MS: Final = 5_000  # wall; far above the way of a fill, far below what a loss takes to grow


def is_beyond(side: Side, *, stop: Price | None, last: Price, mark: Price) -> bool:
    """Whether last and mark price are both strictly through the stop, whichever of them triggers it."""
    return stop is not None and all(gain(side, stop, price) > 0 for price in (last, mark))


def is_overdue(beyond_since: Instant | None, now: Instant) -> bool:
    """Whether the price was beyond the stop for the whole grace; `now` is wall time."""
    return beyond_since is not None and now - beyond_since >= GRACE_MS
