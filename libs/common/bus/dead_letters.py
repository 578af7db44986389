"""Where entries go that nobody can handle: kept whole, with the reason, for a person."""

from typing import Final

import structlog
from redis.asyncio import Redis

from libs.common.bus.entries import Entry
from libs.common.clock import Clock

log = structlog.get_logger()

Field = bytes | bytearray | memoryview | str | int | float  # what the client is typed to take

DEAD: Final = "dead"
KEPT: Final = 10_000


class DeadLetters:
    """Writes `<prefix>dead`: stream, entry, t, m, reason, at (wall ms), by (service/instance)."""

    def __init__(self, redis: Redis, *, prefix: str, source: str, clock: Clock) -> None:
        self._redis, self._prefix, self._source, self._clock = redis, prefix, source, clock

    async def bury(self, entry: Entry, reason: str, *, group: str | None) -> None:
        """Keep the entry and, on a work stream, acknowledge it for `group`: both or neither."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(f"{self._prefix}{DEAD}", self._record(entry, reason), maxlen=KEPT, approximate=True)
            if group is not None:
                pipe.xack(f"{self._prefix}{entry.stream}", group, entry.id)
            await pipe.execute()
        log.error("entry.dead_lettered", stream=entry.stream, entry=entry.id, reason=reason)

    def _record(self, entry: Entry, reason: str) -> dict[Field, Field]:
        return {
            "stream": entry.stream,
            "entry": entry.id,
            "t": entry.fields.get(b"t", b""),
            "m": entry.fields.get(b"m", b""),
            "reason": reason,
            "at": self._clock.now(),
            "by": self._source,
        }
