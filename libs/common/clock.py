"""The only module that may look at the wall clock.

Two clocks, never mixed: *wall* time is for liveness (leases, signatures, time-outs), *market* time is in the
data (candles, ticks, executions). Live they agree; in a replay a wall second may be an hour of market.
"""

import asyncio
import heapq
import time
from datetime import UTC, datetime
from typing import Protocol

from libs.common.units import Instant


class Clock(Protocol):
    def now(self) -> Instant:
        """Wall time."""
        ...

    def monotonic_ms(self) -> float:
        """Milliseconds that only grow, whatever is done to the machine's date."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait so long; for 0 let everybody else have a turn."""
        ...


class SystemClock:
    def now(self) -> Instant:
        return Instant(time.time_ns() // 1_000_000)

    def monotonic_ms(self) -> float:
        return time.monotonic_ns() / 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class VirtualClock:
    """Time that moves only when a test says so."""

    def __init__(self, start: Instant = Instant(0)) -> None:
        self._now = start
        self._alarms: list[tuple[Instant, int, asyncio.Event]] = []
        self._set = 0

    def now(self) -> Instant:
        return self._now

    def monotonic_ms(self) -> float:
        return float(self._now)

    async def sleep(self, seconds: float) -> None:
        if not seconds:
            await asyncio.sleep(0)
            return
        alarm = asyncio.Event()
        self._set += 1
        heapq.heappush(self._alarms, (Instant(self._now + int(seconds * 1_000)), self._set, alarm))
        await alarm.wait()

    def advance(self, seconds: float) -> None:
        """Move time and wake, in order, every sleeper that is due."""
        self._now = Instant(self._now + int(seconds * 1_000))
        while self._alarms and self._alarms[0][0] <= self._now:
            heapq.heappop(self._alarms)[2].set()


class MarketClock:
    """A process's market now: the newest `at` it has seen. It never goes back."""

    def __init__(self, start: Instant = Instant(0)) -> None:
        self._now = start

    def observe(self, at: Instant) -> Instant:
        self._now = max(self._now, at)
        return self._now

    def now(self) -> Instant:
        return self._now


def iso(at: Instant) -> str:
    """`at` for a person's eye: 2025-09-15T00:15:00Z, milliseconds only where there are any."""
    moment = datetime.fromtimestamp(at / 1_000, UTC)
    return moment.isoformat(timespec="milliseconds" if at % 1_000 else "seconds").replace("+00:00", "Z")


def parse_iso(text: str) -> Instant:
    """The instant of an ISO date or date-time; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return Instant(int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000))
