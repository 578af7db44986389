"""Where the choice of symbols stands for all fetchers: one key in Redis, which only who has read it may replace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol, Self

import structlog
from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.common.errors import Transient
from libs.common.redis_connection import open_redis
from services.fetcher.core.choice import Choice

log = structlog.get_logger()

NAME: Final = "universe"
CHOICE: Final = TypeAdapter(Choice)

# KEYS: the choice. ARGV: what must stand there to be replaced, and the new one.
_SETTLE: Final = """
local stands = redis.call('GET', KEYS[1])
if stands and stands ~= ARGV[1] then return stands end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
"""


class Board(Protocol):
    """One process's sight of the board."""

    async def read(self) -> Choice | None:
        """The choice that stands; None when there is none, or none that can be read. Raises Transient."""
        ...

    async def settle(self, choice: Choice) -> Choice | None:
        """Put `choice` where nothing stands, or what was read last; return what stands then. Raises Transient."""
        ...


class MemoryBoard:
    """Boards with one `shared` are the sights of several processes."""

    def __init__(self, shared: dict[str, bytes]) -> None:
        self._shared = shared
        self._seen: bytes | None = None

    async def read(self) -> Choice | None:
        self._seen = self._shared.get(NAME)
        return readable(self._seen)

    async def settle(self, choice: Choice) -> Choice | None:
        if self._shared.get(NAME) in (None, self._seen):
            self._shared[NAME] = CHOICE.dump_json(choice)
        return await self.read()


class RedisBoard:
    def __init__(self, redis: Redis, *, prefix: str) -> None:
        self._redis, self._key = redis, prefix + NAME
        self._settle = redis.register_script(_SETTLE)
        self._seen: bytes | None = None

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, *, prefix: str) -> AsyncIterator[Self]:
        redis = open_redis(url)
        try:
            yield cls(redis, prefix=prefix)
        finally:
            await redis.aclose()

    async def read(self) -> Choice | None:
        try:
            answer: Any = await self._redis.get(self._key)
        except RedisError as error:
            raise Transient(f"the universe was not read: {error}") from error
        self._seen = answer
        return readable(self._seen)

    async def settle(self, choice: Choice) -> Choice | None:
        try:
            body: bytes = await self._settle(keys=[self._key], args=[self._seen or b"", CHOICE.dump_json(choice)])
        except RedisError as error:
            raise Transient(f"the universe was not settled: {error}") from error
        self._seen = body
        return readable(body)


def readable(body: bytes | None) -> Choice | None:
    """The choice in `body`; None, and a line in the log, when it is none of this version of Ironkeel."""
    try:
        return None if body is None else CHOICE.validate_json(body)
    except ValidationError as error:
        log.warning("universe.unreadable", reason=str(error.errors(include_url=False)[0]["msg"]))
        return None
