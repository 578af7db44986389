"""A reader of the fetchers' streams: when each entry was in its hands; nothing is decoded before it has ended."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from redis.asyncio import Redis

PREFIX: Final = "ik:"
COUNT: Final = 1_000


@dataclass(slots=True)
class Tail:
    """Entries of one stream as they came: monotonic s of each batch, and its rows."""

    batches: list[tuple[float, list[Any]]] = field(default_factory=list)

    def entries(self, schema: str) -> list[tuple[float, dict[str, Any]]]:
        """Monotonic s at which an entry was read, and what it says."""
        wanted = schema.encode()
        return [
            (at, orjson.loads(fields[b"m"]))
            for at, rows in self.batches
            for _, fields in rows
            if fields[b"t"] == wanted
        ]


@asynccontextmanager
async def tailing(redis: Redis, stream: str) -> AsyncIterator[Tail]:
    """Read a stream from its end on while the block runs."""
    tail = Tail()
    following = asyncio.create_task(_follow(redis, PREFIX + stream, tail))
    try:
        yield tail
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow(redis: Redis, key: str, tail: Tail) -> None:
    last: Any = "$"
    while True:
        answer = await redis.xread({key: last}, count=COUNT, block=1_000)
        if answer:
            [(_, rows)] = answer
            tail.batches.append((time.monotonic(), rows))
            last = rows[-1][0]
