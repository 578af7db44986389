"""How a training says how far it is: plain lines with rate and ETA, which the service reads back."""

import re
from collections.abc import Callable
from typing import Final

from libs.common.clock import Clock

LEAST_STEP: Final = 5  # per cent between two lines
LINE: Final = re.compile(r"training (\S+): (\d+ %)")


class Progress:
    """Says "training 15m: 40 %, 12.3 rounds/s, 5 s left" as rounds are done."""

    def __init__(self, name: str, *, clock: Clock, say: Callable[[str], None]) -> None:
        self._name, self._clock, self._say = name, clock, say
        self._began, self._said = clock.monotonic_ms(), -LEAST_STEP

    def tell(self, done: int, every: int) -> None:
        """`done` of `every` rounds are done: say so if that is news."""
        per_cent = 100 * done // every
        if per_cent - self._said < LEAST_STEP and done != every:
            return
        self._said = per_cent
        seconds = max((self._clock.monotonic_ms() - self._began) / 1_000, 1e-3)
        left = seconds / done * (every - done)
        self._say(f"training {self._name}: {per_cent} %, {done / seconds:.1f} rounds/s, {left:.0f} s left")


def read_progress(line: str) -> tuple[str, str] | None:
    """("15m", "40 %") of a line of progress; None for any other."""
    found = LINE.match(line)
    return (found[1], found[2]) if found else None
