"""The budget in Redis, shared by every process that asks from one address; by the server's own clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Final, Self

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.common.budget import LONGEST_WAIT_MS, SHARED, WINDOW_MS
from libs.common.budget.local import too_many, wait_out
from libs.common.clock import Clock
from libs.common.errors import Transient
from libs.common.redis_connection import open_redis

log = structlog.get_logger()

# KEYS: the turns that were given, by when; until when nobody may send. ARGV: how many in a window, the window, the
# longest wait, all in ms. A turn lies in the future where the window is full: one call is enough, and whoever asked
# first goes first. What a dead process was given runs out by itself. Answers: 1 shut out, 2 too much waits, 0 a turn;
# and for how long.
_TURN: Final = """
local shared, window, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local shut = tonumber(redis.call('GET', KEYS[2]) or '0') - now
if shut > 0 then return {1, shut} end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local at = now
local nth = redis.call('ZRANGE', KEYS[1], -shared, -shared, 'WITHSCORES')
if nth[2] then at = math.max(now, tonumber(nth[2]) + window) end
if at - now > longest then return {2, at - now} end
redis.call('ZADD', KEYS[1], at, time[1] .. time[2] .. '-' .. redis.call('ZCARD', KEYS[1]))
redis.call('PEXPIRE', KEYS[1], longest + window)
return {0, at - now}
"""
_SHUT, _SPENT = 1, 2

_HOLD_OFF: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local until_ms = now + tonumber(ARGV[1])
if until_ms > tonumber(redis.call('GET', KEYS[1]) or '0') then
  redis.call('SET', KEYS[1], string.format('%.0f', until_ms), 'PX', ARGV[1])
end
return 0
"""


class RedisBudget:
    """`<prefix>budget` and `<prefix>budget:closed`; see the port for what is promised."""

    def __init__(self, redis: Redis, *, prefix: str, clock: Clock, dice: Random, shared: int, window_ms: int) -> None:
        self._keys = [f"{prefix}budget", f"{prefix}budget:closed"]
        self._clock, self._dice = clock, dice
        self._limits = [shared, window_ms, LONGEST_WAIT_MS]
        self._asking = asyncio.Lock()  # one after the other: in order, and over one connection
        self._turn, self._hold_off = redis.register_script(_TURN), redis.register_script(_HOLD_OFF)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, url: str, *, prefix: str, clock: Clock, dice: Random, shared: int = SHARED, window_ms: int = WINDOW_MS
    ) -> AsyncIterator[Self]:
        redis = open_redis(url)
        try:
            yield cls(redis, prefix=prefix, clock=clock, dice=dice, shared=shared, window_ms=window_ms)
        finally:
            await redis.aclose()

    async def turn(self) -> None:
        while True:
            try:
                async with self._asking:
                    state, wait_ms = await self._turn(keys=self._keys, args=self._limits)
            except RedisError as error:
                raise Transient(f"no rate budget: {error}") from error
            if state == _SPENT:
                raise too_many(wait_ms)
            if state != _SHUT:
                break
            await wait_out(wait_ms, self._clock, self._dice)
        if wait_ms:
            await self._clock.sleep(wait_ms / 1_000)

    async def hold_off(self, ms: int) -> None:
        log.warning("venue.held_off", ms=ms)
        try:
            await self._hold_off(keys=self._keys[1:], args=[ms])
        except RedisError as error:
            raise Transient(f"no rate budget: {error}") from error
