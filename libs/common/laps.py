"""Where the time of one piece of work goes: whoever ends a stage says so, whoever began the work hears it.

Said through the context of the task, so that what is deep inside an adapter is counted too, for whom it is done.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from libs.common.clock import Clock

Heard = Callable[[str, float], None]  # the stage that ended, and the seconds it took

ORDER_SIGNED: Final = "sign"  # said by an adapter: from here on it is the network's and the venue's time

_running: ContextVar["Laps | None"] = ContextVar("laps", default=None)


class Laps:
    """One watch: each stage begins where the one before it ended."""

    def __init__(self, clock: Clock, heard: Heard) -> None:
        self._clock, self._heard = clock, heard
        self._last = clock.monotonic_ms()

    def ended(self, stage: str) -> None:
        now = self._clock.monotonic_ms()
        self._heard(stage, (now - self._last) / 1_000)
        self._last = now


@contextmanager
def timed(clock: Clock, heard: Heard) -> Iterator[None]:
    """Have every stage that ends within, in this task, told to `heard`."""
    token = _running.set(Laps(clock, heard))
    try:
        yield
    finally:
        _running.reset(token)


def ended(stage: str) -> None:
    """A stage of what this task is doing has ended; nobody may be listening."""
    laps = _running.get()
    if laps is not None:
        laps.ended(stage)
