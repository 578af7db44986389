"""A position that has gone nowhere for too long is left.

1. Market time alone decides: a replay at any speed leaves at the same candle.
"""

from libs.common.units import HOUR_MS, Instant


def is_over(*, opened_at: Instant, now: Instant, max_hours: int) -> bool:
    """Whether the position is open for `max_hours` of market time; `now` is market time."""
    return now - opened_at >= max_hours * HOUR_MS
