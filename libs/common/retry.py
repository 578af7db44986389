"""How long to wait before trying again: a pure schedule, with the dice passed in."""

from collections.abc import Iterator
from random import Random


def backoff(*, first: float, ceiling: float, dice: Random | None = None) -> Iterator[float]:
    """Yield seconds to wait, doubling from `first` to `ceiling`, for ever.

    With `dice` each wait is drawn from [wait / 2, wait], so that many clients do not return at once.
    """
    wait = first
    while True:
        yield wait if dice is None else dice.uniform(wait / 2, wait)
        wait = min(ceiling, wait * 2)
