"""A lock while it is held: renewed in the background, and honest about how sure it is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from libs.common.clock import Clock
from libs.common.errors import Transient
from libs.common.units import Instant

log = structlog.get_logger()

LOCK_MS: Final = 5_000
RENEW_MS: Final = 1_500
LEASE_MS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment on both clocks of the machine: one that people set, one that stands still while it is suspended."""

    wall: Instant
    monotonic_ms: float

    @classmethod
    def now(cls, clock: Clock) -> "Moment":
        return cls(clock.now(), clock.monotonic_ms())

    def age_ms(self, clock: Clock) -> float:
        """How long ago this was, by the clock that has seen more."""
        return max(clock.now() - self.wall, clock.monotonic_ms() - self.monotonic_ms)


class RenewedHold:
    """`Held`, counted from the moment *before* each question that Redis answered with yes."""

    def __init__(self, *, clock: Clock, asked: Moment, length_ms: int) -> None:
        self._clock, self._confirmed, self._length_ms = clock, asked, length_ms
        self._lost = False

    @property
    def verified_at(self) -> Instant:
        return self._confirmed.wall

    def remaining_ms(self) -> int:
        if self._lost:
            return 0
        return max(0, int(self._length_ms - self._confirmed.age_ms(self._clock)))

    async def renew(self, extend: Callable[[], Awaitable[bool]], *, every_ms: int) -> None:
        """Ask again and again until the lock is lost; an `extend` that is Transient is tried again."""
        while not self._lost:
            await self._clock.sleep(every_ms / 1_000)
            asked = Moment.now(self._clock)
            try:
                ours = await extend()
            except Transient as error:
                log.warning("lock.not_renewed", reason=str(error), remaining_ms=self.remaining_ms())
                continue
            if ours:
                self._confirmed = asked
            else:
                self._lost = True
                log.error("lock.lost", verified_at=self.verified_at)
