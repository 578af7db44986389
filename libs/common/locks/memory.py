"""Locks and leases in memory: several holders on one `MemoryLockServer` are processes on one Redis."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from libs.common.clock import Clock
from libs.common.locks import Held
from libs.common.locks.fairness import Memory, by_seniority, fair
from libs.common.locks.held import LEASE_MS, LOCK_MS, RENEW_MS, Moment, RenewedHold
from libs.common.units import Symbol


@dataclass(slots=True)
class MemoryLockServer:
    """Keys with an owner and an end, on the clock that its users share."""

    clock: Clock
    owners: dict[str, tuple[object, float]] = field(default_factory=dict)  # key -> owner, end in monotonic ms
    replicas: dict[tuple[str, str], float] = field(default_factory=dict)  # service, instance -> end of its heartbeat

    def owner(self, key: str) -> object | None:
        owner, end = self.owners.get(key, (None, 0.0))
        return owner if self.clock.monotonic_ms() < end else None

    def take(self, key: str, owner: object, length_ms: int) -> bool:
        """Give `key` to `owner` for `length_ms` if it is free or already its."""
        if self.owner(key) not in (None, owner):
            return False
        self.owners[key] = (owner, self.clock.monotonic_ms() + length_ms)
        return True

    def extend(self, key: str, owner: object, length_ms: int) -> bool:
        return self.owner(key) == owner and self.take(key, owner, length_ms)

    def let_go(self, key: str, owner: object) -> None:
        if self.owner(key) == owner:
            del self.owners[key]

    def flush(self) -> None:
        self.owners.clear()
        self.replicas.clear()

    def living(self, service: str) -> int:
        now = self.clock.monotonic_ms()
        return sum(name == service and end > now for (name, _), end in self.replicas.items())

    def is_known(self, service: str, instance: str) -> bool:
        """Whether its heartbeat is remembered: what has run out is, until another replica claims."""
        return (service, instance) in self.replicas

    def beat(self, service: str, instance: str, length_ms: int) -> None:
        """Count a replica as living for `length_ms`, and forget those that do not any more."""
        now = self.clock.monotonic_ms()
        self.replicas[service, instance] = now + length_ms
        self.replicas = {name: end for name, end in self.replicas.items() if end > now}


class MemoryLocks:
    def __init__(
        self,
        server: MemoryLockServer,
        *,
        clock: Clock | None = None,
        length_ms: int = LOCK_MS,
        renew_ms: int = RENEW_MS,
    ) -> None:
        self._server, self._clock = server, clock or server.clock
        self._length_ms, self._renew_ms = length_ms, renew_ms

    @asynccontextmanager
    async def hold(self, symbol: Symbol, *, wait_ms: int) -> AsyncIterator[Held | None]:
        key, token = f"lock:{symbol}", object()
        asked = await self._acquire(key, token, wait_ms)
        if asked is None:
            yield None
            return
        held = RenewedHold(clock=self._clock, asked=asked, length_ms=self._length_ms)

        async def extend() -> bool:
            return self._server.extend(key, token, self._length_ms)

        renewing = asyncio.create_task(held.renew(extend, every_ms=self._renew_ms))
        try:
            yield held
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            self._server.let_go(key, token)

    async def _acquire(self, key: str, token: object, wait_ms: int) -> Moment | None:
        began = Moment.now(self._clock)
        while not self._server.take(key, token, self._length_ms):
            if began.age_ms(self._clock) >= wait_ms:
                return None
            await self._clock.sleep(0.02)
        return Moment.now(self._clock)


class MemoryLeases:
    def __init__(self, server: MemoryLockServer, *, service: str, instance: str, length_ms: int = LEASE_MS) -> None:
        self._server, self._service, self._instance = server, service, instance
        self._length_ms = length_ms
        self._held: tuple[Symbol, ...] = ()
        self._memory = Memory()
        self._unowned = 0

    @property
    def unowned(self) -> int:
        return self._unowned

    async def claim(self, wanted: tuple[Symbol, ...], *, urgent: frozenset[Symbol] = frozenset()) -> frozenset[Symbol]:
        now = self._server.clock.monotonic_ms()
        is_forgotten = bool(self._held) and not self._server.is_known(self._service, self._instance)
        self._server.beat(self._service, self._instance, self._length_ms)
        only_held = is_forgotten or self._memory.is_cautious(now)
        self._memory.claimed(now, is_forgotten=is_forgotten, length_ms=self._length_ms)
        owners = {symbol: self._server.owner(self._key(symbol)) for symbol in by_seniority(wanted, self._held)}
        mine = [symbol for symbol, owner in owners.items() if owner == self._instance]
        free = [s for s, owner in owners.items() if owner is None and (s in self._held or not only_held)]
        others = Counter(owner for owner in owners.values() if owner not in (None, self._instance))
        limit = fair(len(wanted), self._server.living(self._service), others.values())
        ranked = sorted((*mine, *free), key=lambda symbol: symbol not in urgent)
        kept = ranked if is_forgotten else ranked[:limit]
        for symbol in {*mine, *self._held} - set(kept):
            self._server.let_go(self._key(symbol), self._instance)
        for symbol in kept:
            self._server.take(self._key(symbol), self._instance, self._length_ms)
        self._held = by_seniority(kept, self._held)
        self._unowned = sum(self._server.owner(self._key(symbol)) is None for symbol in wanted)
        return frozenset(kept)

    async def release(self) -> None:
        self._server.replicas.pop((self._service, self._instance), None)
        for symbol in self._held:
            self._server.let_go(self._key(symbol), self._instance)
        self._held = ()

    def _key(self, symbol: Symbol) -> str:
        return f"lease:{self._service}:{symbol}"
