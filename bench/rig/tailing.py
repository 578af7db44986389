"""A reader of the fetchers' streams: when each entry was at its socket; nothing is decoded before it has ended.

It speaks to Redis by itself: a client that makes objects of 150 entries takes longer than they were on their way.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

import hiredis
import orjson
from redis.asyncio import Redis

PREFIX: Final = "ik:"
COUNT: Final = 1_000
_HALF: Final = 2


@dataclass(slots=True)
class Tail:
    """Entries of one stream as they came: monotonic s of each batch, and its rows."""

    batches: list[tuple[float, list[Any]]] = field(default_factory=list)

    def entries(self, schema: str) -> list[tuple[float, dict[str, Any]]]:
        """Monotonic s at which an entry was read, and what it says."""
        wanted = schema.encode()
        found = [
            (at, dict(zip(row[1][::_HALF], row[1][1::_HALF], strict=True))) for at, rows in self.batches for row in rows
        ]
        return [(at, orjson.loads(fields[b"m"])) for at, fields in found if fields[b"t"] == wanted]


class _Reading(asyncio.Protocol):
    """One connection that asks for what comes after the last entry, again and again."""

    def __init__(self, key: str, tail: Tail) -> None:
        self._key, self._tail = key, tail
        self._said = hiredis.Reader()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask("$")

    def data_received(self, data: bytes) -> None:
        at = time.monotonic()
        self._said.feed(data)
        while (answer := self._said.gets()) is not False:
            if isinstance(answer, Exception):
                raise answer
            rows = answer[0][1] if answer else []
            if rows:
                self._tail.batches.append((at, rows))
            last = self._tail.batches[-1][1][-1][0] if self._tail.batches else "$"
            self._ask(last)

    def _ask(self, last: str | bytes) -> None:
        assert self._transport is not None
        self._transport.write(
            hiredis.pack_command(("XREAD", "COUNT", COUNT, "BLOCK", 1_000, "STREAMS", self._key, last))
        )


@asynccontextmanager
async def tailing(redis: Redis, stream: str) -> AsyncIterator[Tail]:
    """Read a stream of the embedded Redis from its end on while the block runs."""
    tail = Tail()
    path = redis.connection_pool.connection_kwargs["path"]
    transport, _ = await asyncio.get_running_loop().create_unix_connection(
        lambda: _Reading(PREFIX + stream, tail), path
    )
    try:
        yield tail
    finally:
        transport.abort()
