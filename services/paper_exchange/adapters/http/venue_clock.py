"""The wall clock as the venue shows it, which a misfortune can make fast or slow."""

from libs.common.clock import Clock
from libs.common.units import Instant
from services.paper_exchange.core.faults.faults import Faults


class VenueClock:
    """For signatures, `market/time` and envelopes; whatever the books note has the machine's own time."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock, self.faults = clock, faults

    def now(self) -> Instant:
        return Instant(self._clock.now() + self.faults.offset_ms(self._clock.monotonic_ms()))

    def monotonic_ms(self) -> float:
        return self._clock.monotonic_ms()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
