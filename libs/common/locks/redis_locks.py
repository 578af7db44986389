"""Locks and leases in Redis, for speed and order only: the ledger's fence and the venue's ids are for safety.

A lock is `SET NX PX` with a random token, extended and let go only by whoever has the token. Leases share the
symbols of a service among its replicas, evenly, and hand on what the dead had.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Self

import structlog
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

from libs.common.clock import Clock
from libs.common.errors import Transient
from libs.common.locks import Held
from libs.common.locks.fairness import Memory, by_seniority
from libs.common.locks.held import LEASE_MS, LOCK_MS, RENEW_MS, Moment, RenewedHold
from libs.common.redis_connection import open_redis
from libs.common.units import Symbol

log = structlog.get_logger()

_TRY_EVERY_S: Final = 0.02


class RedisLocks:
    """`<prefix>lock:{SYMBOL}`, through redis-py's own Lock; see the port for what is promised."""

    def __init__(self, redis: Redis, *, prefix: str, clock: Clock, length_ms: int, renew_ms: int) -> None:
        self._redis, self._prefix, self._clock = redis, prefix, clock
        self._length_ms, self._renew_ms = length_ms, renew_ms
        self._queues: dict[Symbol, asyncio.Lock] = {}

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, url: str, *, prefix: str, clock: Clock, length_ms: int = LOCK_MS, renew_ms: int = RENEW_MS
    ) -> AsyncIterator[Self]:
        redis = open_redis(url)
        try:
            yield cls(redis, prefix=prefix, clock=clock, length_ms=length_ms, renew_ms=renew_ms)
        finally:
            await redis.aclose()

    @asynccontextmanager
    async def hold(self, symbol: Symbol, *, wait_ms: int) -> AsyncIterator[Held | None]:
        lock = self._redis.lock(
            f"{self._prefix}lock:{symbol}",
            timeout=self._length_ms / 1_000,
            thread_local=False,
        )
        began = Moment.now(self._clock)
        async with self._turn(symbol, wait_ms) as ours:
            asked = await self._acquire(lock, began, wait_ms) if ours else None
            if asked is None:
                yield None
                return
            held = RenewedHold(clock=self._clock, asked=asked, length_ms=self._length_ms)
            renewing = asyncio.create_task(held.renew(lambda: _extend(lock), every_ms=self._renew_ms))
            try:
                yield held
            finally:
                renewing.cancel()
                await asyncio.gather(renewing, return_exceptions=True)
                await _let_go(lock)

    @asynccontextmanager
    async def _turn(self, symbol: Symbol, wait_ms: int) -> AsyncIterator[bool]:
        """Queue within this process, so that only one of its tasks asks Redis for a symbol; False: not in time."""
        queue = self._queues.setdefault(symbol, asyncio.Lock())
        try:
            async with asyncio.timeout(wait_ms / 1_000 if queue.locked() else None):
                await queue.acquire()
        except TimeoutError:
            yield False
            return
        try:
            yield True
        finally:
            queue.release()

    async def _acquire(self, lock: Lock, began: Moment, wait_ms: int) -> Moment | None:
        """Try until `wait_ms` have passed since `began`; return when the try that succeeded was begun."""
        while True:
            asked = Moment.now(self._clock)
            try:
                if await lock.acquire(blocking=False):
                    return asked
            except RedisError as error:
                raise Transient(f"no lock: {error}") from error
            if began.age_ms(self._clock) >= wait_ms:
                return None
            await self._clock.sleep(_TRY_EVERY_S)


async def _extend(lock: Lock) -> bool:
    try:
        await lock.reacquire()
    except LockError:  # somebody else's, or gone
        return False
    except RedisError as error:
        raise Transient(str(error)) from error
    return True


async def _let_go(lock: Lock) -> None:
    """Release it if it is still ours; what cannot be released runs out by itself."""
    try:
        await lock.release()
    except LockError:
        log.warning("lock.was_lost", name=lock.name)
    except RedisError as error:
        log.warning("lock.not_released", name=lock.name, reason=str(error))


# KEYS: the set of replicas, then one lease each for wanted and unwanted symbols. ARGV: instance, length in ms, number
# of wanted symbols, for each whether we held it and whether it is urgent, whether only what we held may be taken, and
# whether that was anything. Answers whether we were forgotten, how many wanted symbols nobody has, and which are ours.
# Atomic, and by the server's own clock: replicas on other machines need not agree on the time.
# The rule is fairness.py's `fair`: what a replica has it keeps while its share is fair.
_CLAIM: Final = """
local me, length, wanted, before, urgent = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local forgotten = not redis.call('ZSCORE', KEYS[1], me) and ARGV[7] == '1'
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - length)
local careful = forgotten or ARGV[6] == '1'
redis.call('ZADD', KEYS[1], now, me)
local replicas = redis.call('ZCARD', KEYS[1])
local marked = function(marks, n) return string.sub(marks, n, n) == '1' end
local classes, has, nobodys, mine = {{}, {}, {}, {}}, {}, 0, {}
for n = 1, wanted do
  local owner = redis.call('GET', KEYS[n + 1])
  if owner == me then
    mine[n] = true
    table.insert(classes[marked(urgent, n) and 1 or 3], n)
  elseif owner then
    has[owner] = (has[owner] or 0) + 1
  else
    nobodys = nobodys + 1
    if not careful or marked(before, n) then table.insert(classes[marked(urgent, n) and 2 or 4], n) end
  end
end
local least = math.floor(wanted / replicas)
local bigger = 0
for _, count in pairs(has) do if count > least then bigger = bigger + 1 end end
local limit = bigger < wanted % replicas and least + 1 or least
local held = {}
for class = 1, 4 do
  for _, n in ipairs(classes[class]) do
    if forgotten or #held < limit then
      redis.call('SET', KEYS[n + 1], me, 'PX', length)
      held[#held + 1] = n - 1
      if not mine[n] then nobodys = nobodys - 1 end
    elseif mine[n] then
      redis.call('DEL', KEYS[n + 1])
      nobodys = nobodys + 1
    end
  end
end
for n = wanted + 2, #KEYS do
  if redis.call('GET', KEYS[n]) == me then redis.call('DEL', KEYS[n]) end
end
return {forgotten and 1 or 0, nobodys, held}
"""

_RELEASE: Final = """
redis.call('ZREM', KEYS[1], ARGV[1])
for n = 2, #KEYS do
  if redis.call('GET', KEYS[n]) == ARGV[1] then redis.call('DEL', KEYS[n]) end
end
return 0
"""


class RedisLeases:
    """`<prefix>lease:{service}:{SYMBOL}` of one instance; see the port for what is promised."""

    def __init__(self, redis: Redis, *, prefix: str, service: str, instance: str, clock: Clock, length_ms: int) -> None:
        self._prefix, self._service, self._instance = prefix, service, instance
        self._clock, self._length_ms = clock, length_ms
        self._claim, self._release = redis.register_script(_CLAIM), redis.register_script(_RELEASE)
        self._held: tuple[Symbol, ...] = ()
        self._memory = Memory()
        self._unowned = 0
        self._confirmed = Moment.now(clock)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, url: str, *, prefix: str, service: str, instance: str, clock: Clock, length_ms: int = LEASE_MS
    ) -> AsyncIterator[Self]:
        """Open the leases of one instance; leaving the block gives them back."""
        redis = open_redis(url)
        leases = cls(redis, prefix=prefix, service=service, instance=instance, clock=clock, length_ms=length_ms)
        try:
            yield leases
        finally:
            await leases.release()
            await redis.aclose()

    @property
    def unowned(self) -> int:
        return self._unowned

    async def claim(self, wanted: tuple[Symbol, ...], *, urgent: frozenset[Symbol] = frozenset()) -> frozenset[Symbol]:
        """As the port says; while Redis is away, what is held stays ours for the lease's length and no longer."""
        asked = Moment.now(self._clock)
        wanted, held = by_seniority(wanted, self._held), frozenset(self._held)
        marks = ["".join("1" if symbol in some else "0" for symbol in wanted) for some in (held, urgent)]
        careful = self._memory.is_cautious(asked.monotonic_ms)
        answer: tuple[int, int, list[int]]
        try:
            answer = await self._claim(
                keys=self._keys((*wanted, *sorted(held.difference(wanted)))),
                args=[self._instance, self._length_ms, len(wanted), *marks, int(careful), int(bool(held))],
            )
        except RedisError as error:
            return self._while_unheard(str(error))
        is_forgotten, self._unowned, mine = answer
        self._memory.claimed(asked.monotonic_ms, is_forgotten=bool(is_forgotten), length_ms=self._length_ms)
        self._held = by_seniority([wanted[n] for n in mine], self._held)
        self._confirmed = asked
        return frozenset(self._held)

    async def release(self) -> None:
        try:
            await self._release(keys=self._keys(self._held), args=[self._instance])
        except RedisError as error:
            log.warning("leases.not_released", count=len(self._held), reason=str(error))
        self._held = ()

    def _while_unheard(self, reason: str) -> frozenset[Symbol]:
        if self._held and self._confirmed.age_ms(self._clock) >= self._length_ms:
            log.error("leases.lost", count=len(self._held), reason=reason)
            self._held = ()
        return frozenset(self._held)

    def _keys(self, symbols: Sequence[Symbol]) -> list[str]:
        leases = (f"{self._prefix}lease:{self._service}:{symbol}" for symbol in symbols)
        return [f"{self._prefix}replicas:{self._service}", *leases]
