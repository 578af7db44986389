"""Waiting for a Redis that is away, without a hot loop and without a log line per try (peers.md 36)."""

import structlog
from redis.exceptions import AuthenticationError, RedisError

from libs.common.clock import Clock
from libs.common.errors import Misconfigured
from libs.common.retry import backoff

log = structlog.get_logger()


class Outage:
    """The pauses of one reader: doubling from 50 ms to 5 s while errors follow each other."""

    def __init__(self, reader: str, clock: Clock) -> None:
        self._reader, self._clock = reader, clock
        self._pauses = backoff(first=0.05, ceiling=5.0)
        self._since: float | None = None

    async def wait(self, error: RedisError) -> None:
        """Log the first error of a row and pause. Raises Misconfigured for a wrong password."""
        if isinstance(error, AuthenticationError):
            raise Misconfigured(f"redis.url: {error}") from error
        if self._since is None:
            self._since = self._clock.monotonic_ms()
            log.warning("redis.lost", reader=self._reader, reason=str(error))
        await self._clock.sleep(next(self._pauses))

    def over(self) -> None:
        if self._since is not None:
            log.info("redis.found", reader=self._reader, away_ms=int(self._clock.monotonic_ms() - self._since))
            self._since = None
            self._pauses = backoff(first=0.05, ceiling=5.0)
