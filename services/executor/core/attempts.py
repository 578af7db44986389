"""Which attempt comes next: computed from the orders that exist, so that nobody has to remember it.

1. An attempt's number is never used twice.
2. A partial exit that has been filled is not tried again.
"""

from collections.abc import Iterable
from typing import Final

MOST_PARTIAL_ATTEMPTS: Final = 9


def next_exit(purposes: Iterable[str]) -> str:
    """Return the purpose of the next full exit: x1, x2, …"""
    used = [int(purpose[1:]) for purpose in purposes if purpose.startswith("x")]
    return f"x{max(used, default=0) + 1}"


def next_partial(purposes: Iterable[str], step: int, filled: bool) -> str | None:
    """Return the purpose of the next attempt at partial exit `step`; None when it is done or given up."""
    used = [int(purpose[3:]) for purpose in purposes if purpose.startswith(f"p{step}a")]
    attempt = max(used, default=0) + 1
    return None if filled or attempt > MOST_PARTIAL_ATTEMPTS else f"p{step}a{attempt}"
