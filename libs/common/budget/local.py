"""The budget of one process, for who has no Redis: a look from the command line, and tests of who shares one."""

from collections import deque
from random import Random

from libs.common.budget import JITTER, LONGEST_WAIT_MS, SHARED, WINDOW_MS
from libs.common.clock import Clock
from libs.common.errors import Transient


class LocalBudget:
    """See the port."""

    def __init__(self, clock: Clock, dice: Random, *, shared: int = SHARED, window_ms: int = WINDOW_MS) -> None:
        self._clock, self._dice = clock, dice
        self._shared, self._window_ms = shared, window_ms
        self._sent: deque[float] = deque(maxlen=shared)
        self._closed_until = 0.0

    async def turn(self) -> None:
        while (shut_ms := self._closed_until - self._clock.monotonic_ms()) > 0:
            await wait_out(shut_ms, self._clock, self._dice)
        now = self._clock.monotonic_ms()
        at = max(now, self._sent[0] + self._window_ms) if len(self._sent) == self._shared else now
        if at - now > LONGEST_WAIT_MS:
            raise too_many(at - now)
        self._sent.append(at)
        if at > now:
            await self._clock.sleep((at - now) / 1_000)

    async def hold_off(self, ms: int) -> None:
        self._closed_until = max(self._closed_until, self._clock.monotonic_ms() + ms)


async def wait_out(shut_ms: float, clock: Clock, dice: Random) -> None:
    """Sleep until the venue may be asked again and a little longer; raises Transient when that is too long."""
    if shut_ms > LONGEST_WAIT_MS:
        raise Transient(f"the venue has shut this address out for {shut_ms / 1_000:.0f} s more: nothing is sent")
    await clock.sleep(shut_ms * dice.uniform(1, 1 + JITTER) / 1_000)


def too_many(wait_ms: float) -> Transient:
    return Transient(f"the rate budget is spent for {wait_ms / 1_000:.0f} s")
