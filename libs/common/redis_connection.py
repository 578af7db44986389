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
from redis.exceptions import NoScriptError, ResponseError
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
    """Scripts of one client on one connection that is kept: they take effect in the order in which they were asked for.

    The client's way through pool, retry and telemetry takes more than twice the CPU of the script itself, and a fetcher
    goes it a hundred times a second. None waits for the answers to those before: Redis works on one script while the
    next is made. An answer is in time, its turn included, and what was asked on a connection that died is asked anew
    once.
    """

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._connection: AbstractConnection | None = None  # the pool's to close
        self._known: set[str] = set()  # scripts that were told on this connection
        self._sending = asyncio.Lock()
        self._last = asyncio.Event()  # set when the script sent last is answered, and all before it
        self._last.set()
        self._losses = 0  # of the connection: answers to what was sent before one never come
        self._is_closed = False

    def close(self) -> None:
        """Begin nothing again: the client is about to cut the connection."""
        self._is_closed = True

    async def run(self, script: AsyncScript, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Return what the script answers; raises what the client would."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                try:
                    return await self._answer(script, keys, args)
                except (RedisConnectionError, NoScriptError):  # Redis was restarted, or forgot its scripts
                    if self._is_closed:
                        raise
                    self._known.clear()
                return await self._answer(script, keys, args)
        except TimeoutError as error:
            raise RedisTimeout(f"no answer within {ANSWER_WITHIN_S} s") from error

    async def _answer(self, script: AsyncScript, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        async with self._sending:
            connection = await self._open()
            losses, before, mine = self._losses, self._last, asyncio.Event()
            named = ("EVALSHA", script.sha) if script.sha in self._known else ("EVAL", script.script)
            await connection.send_command(*named, len(keys), *keys, *args)
            self._known.add(script.sha)
            self._last = mine
        try:
            await before.wait()
            if losses != self._losses:
                raise RedisConnectionError("the connection was lost before the answer")
            return await connection.read_response(disconnect_on_error=False)  # it may be another's by then
        except ResponseError:
            raise
        except BaseException:  # whoever comes next must not read what was meant for us
            if losses == self._losses:
                await self._lose(connection)
            raise
        finally:
            mine.set()

    async def _open(self) -> AbstractConnection:
        if self._connection is None:
            self._connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        if not self._connection.is_connected:
            await self._lose(self._connection)
            await self._connection.connect()
        return self._connection

    async def _lose(self, connection: AbstractConnection) -> None:
        self._losses += 1
        self._known.clear()
        await connection.disconnect(nowait=True)


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
