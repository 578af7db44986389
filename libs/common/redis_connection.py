"""One way to open Redis, so that time-outs and retries are the same for bus, locks and leases."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError
from redis.exceptions import TimeoutError as RedisTimeout

from libs.common.errors import Misconfigured

Argument = str | int | bytes

ANSWER_WITHIN_S: Final = 5.0  # longer than any blocking read asks for

# The client's own socket_timeout goes through asyncio.wait_for, which on Python 3.11 can swallow a cancellation:
# a process that is asked to stop would go on. So the time limit is put round each command here.


class PunctualRedis(Redis):
    """A client whose every command is answered in time or raises the client's own TimeoutError."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except TimeoutError as error:
            raise RedisTimeout(f"no answer within {ANSWER_WITHIN_S} s") from error

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return PunctualPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class PunctualPipeline(Pipeline):
    """A pipeline that is answered in time or raises the client's own TimeoutError."""

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await super().execute(raise_on_error)
        except TimeoutError as error:
            raise RedisTimeout(f"no answer within {ANSWER_WITHIN_S} s") from error


class ScriptLine:
    """Scripts of one client on one connection that is kept, one after the other.

    The client's way through pool, retry and telemetry takes more than twice the CPU of the script itself, and a fetcher
    goes it a hundred times a second. An answer is in time, its turn included, and a connection that has died since is
    tried anew once.
    """

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._connection: AbstractConnection | None = None  # the pool's to close
        self._turn = asyncio.Lock()
        self._is_closed = False

    def close(self) -> None:
        """Begin nothing again: the client is about to cut the connection."""
        self._is_closed = True

    async def run(self, script: AsyncScript, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Return what the script answers; raises what the client would."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S), self._turn:
                if self._connection is None:
                    self._connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
                was_open = self._connection.is_connected
                try:
                    return await _answer(self._connection, script, keys, args)
                except RedisConnectionError:
                    if self._is_closed or not was_open:
                        raise
                    return await _answer(self._connection, script, keys, args)
        except TimeoutError as error:
            raise RedisTimeout(f"no answer within {ANSWER_WITHIN_S} s") from error


async def _answer(
    connection: AbstractConnection, script: AsyncScript, keys: Sequence[str], args: Sequence[Argument]
) -> Any:
    try:
        await connection.send_command("EVALSHA", script.sha, len(keys), *keys, *args)
        return await connection.read_response()
    except NoScriptError:  # Redis was restarted
        await connection.send_command("EVAL", script.script, len(keys), *keys, *args)
        return await connection.read_response()


def open_redis(url: str) -> Redis:
    """Return a client for `url`; nothing is sent yet, so a Redis that is down is no error here.

    One retry at once heals a pooled connection that died with a restarted server; waiting is the caller's.
    Raises Misconfigured when there is no URL or none that can be read.
    """
    if not url:
        raise Misconfigured(
            "redis.url is empty: start with `ironkeel up`, or set IRONKEEL_REDIS__URL=redis://host:6379"
        )
    try:
        return PunctualRedis.from_url(url, decode_responses=False, retry=Retry(NoBackoff(), 1), socket_timeout=None)
    except ValueError as error:
        raise Misconfigured(f"redis.url: {error}; allowed are redis://, rediss:// and unix://") from error
