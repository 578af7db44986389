"""Leases: whatever replicas do, in whatever order, a symbol has one owner, soon has one, and moves only if it must."""

from collections.abc import Mapping, Sequence
from itertools import count
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from libs.common.clock import SystemClock, VirtualClock
from libs.common.locks import Leases
from libs.common.locks.memory import MemoryLeases, MemoryLockServer
from libs.common.locks.redis_locks import RedisLeases
from libs.common.redis_connection import open_redis
from libs.common.units import Symbol

WANTED = tuple(Symbol(f"S{n}USDT") for n in range(7))
REPLICAS = 5
ROUNDS = 4  # until every share is fair and everybody knows: the last to come may be heard of only in the second
moves = st.one_of(
    st.tuples(st.just("claim"), st.integers(0, 3)),
    st.tuples(st.just("release"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.integers(0, 6)),
)
# Who lives, how many symbols there are, and a seed of the order in which they are wanted and claimed.
turns = st.lists(
    st.tuples(
        st.sets(st.integers(0, REPLICAS - 1), min_size=1),
        st.integers(0, 23),
        st.integers(0, 2**16),
    ),
    min_size=1,
    max_size=8,
)

Turn = tuple[set[int], int, int]
Shares = Mapping[int, frozenset[Symbol]]


@given(st.lists(moves, max_size=40), st.integers(1, 4))
async def test_never_two_owners_and_after_a_while_exactly_one(doings: list[tuple[str, int]], living: int) -> None:
    clock = VirtualClock()
    server = MemoryLockServer(clock)
    replicas = [MemoryLeases(server, service="fetcher", instance=f"fetcher-{n}") for n in range(4)]
    held: dict[int, tuple[frozenset[Symbol], int]] = {}  # replica -> what it was told it has, and until when
    for doing, n in doings:
        if doing == "wait":
            clock.advance(n)
        elif doing == "release":
            await replicas[n].release()
            held.pop(n, None)
        else:
            held[n] = (await replicas[n].claim(WANTED), clock.now() + 5_000)
        current = [symbols for symbols, until in held.values() if clock.now() < until]
        assert sum(map(len, current)) == len(frozenset().union(*current))
    clock.advance(6)  # whoever does not claim any more is dead
    for _ in range(3):
        shares = [await replica.claim(WANTED) for replica in replicas[:living]]
    assert sorted(symbol for share in shares for symbol in share) == sorted(WANTED)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def least_moves(before: Shares, living: Sequence[int], wanted: int) -> int:
    """How many symbols must change their owner at least, or be given their first, until every share is fair.

    before: what each replica has of the symbols that are wanted now. Those that have most keep the bigger shares.
    """
    least, more = divmod(wanted, len(living))
    sizes = sorted((len(before.get(n, ())) for n in living), reverse=True)
    kept = sum(min(size, least + (place < more)) for place, size in enumerate(sizes))
    return wanted - kept


class Replicas:
    """As many fetchers as a run needs, over one server."""

    def __init__(self, leases: Mapping[int, Leases]) -> None:
        self.leases = leases
        self.shares: dict[int, frozenset[Symbol]] = {}
        self.wanted: tuple[Symbol, ...] = ()
        self.moved = self.least = 0

    async def come_and_go(self, living: Sequence[int]) -> None:
        """Let exactly these live from now on, one leaving or coming after the other."""
        for gone in sorted(self.shares.keys() - set(living)):
            await self.leaves(gone, [n for n in self.shares if n != gone])
            if len(self.shares) > 1:
                await self.share([n for n in self.shares if n != gone])
        for n, new in enumerate(living):
            if new not in self.shares:
                await self.share([*living[:n], new, *(old for old in living[n + 1 :] if old in self.shares)])
        await self.share(living)

    async def leaves(self, gone: int, _others: Sequence[int]) -> None:
        await self.leases[gone].release()

    async def share(self, living: Sequence[int]) -> None:
        """Claim until all is shared, and count what moved against what had to."""
        before = {n: share & frozenset(self.wanted) for n, share in self.shares.items() if n in living}
        for _ in range(ROUNDS):
            self.shares = {n: await self.leases[n].claim(self.wanted) for n in living}
        least = least_moves(before, living, len(self.wanted))
        moved = sum(len(share - before.get(n, frozenset())) for n, share in self.shares.items())
        sizes = [len(share) for share in self.shares.values()]
        assert max(sizes) - min(sizes) <= 1
        assert sorted(symbol for share in self.shares.values() for symbol in share) == sorted(self.wanted)
        assert all(self.leases[n].unowned == 0 for n in living)
        assert moved == least, f"{moved} symbols moved where {least} had to: {before} -> {self.shares}"
        self.moved, self.least = self.moved + moved, self.least + least


class MortalReplicas(Replicas):
    """Who leaves is killed: nothing is given back, and its leases run out while the others renew theirs."""

    def __init__(self, leases: Mapping[int, Leases], clock: VirtualClock) -> None:
        super().__init__(leases)
        self._clock = clock

    async def leaves(self, gone: int, others: Sequence[int]) -> None:
        for _ in range(6):
            self._clock.advance(1)
            for n in others:
                await self.leases[n].claim(self.wanted)


async def play(replicas: Replicas, doings: Sequence[Turn]) -> None:
    for living, many, seed in doings:
        dice = Random(seed)
        order, wanted = sorted(living), [Symbol(f"S{n}USDT") for n in range(many)]
        dice.shuffle(order)
        dice.shuffle(wanted)
        await replicas.come_and_go(order)
        replicas.wanted = tuple(wanted)
        await replicas.share(order)


@given(turns)
async def test_in_memory_no_symbol_moves_that_need_not(doings: list[Turn]) -> None:
    server = MemoryLockServer(VirtualClock())
    made = {n: MemoryLeases(server, service="fetcher", instance=f"fetcher-{n}") for n in range(REPLICAS)}
    await play(Replicas(made), doings)


@given(turns)
async def test_of_the_killed_only_what_they_had_moves(doings: list[Turn]) -> None:
    clock = VirtualClock()
    server = MemoryLockServer(clock)
    made = {n: MemoryLeases(server, service="fetcher", instance=f"fetcher-{n}") for n in range(REPLICAS)}
    await play(MortalReplicas(made, clock), doings)


runs = count()  # every example has keys of its own


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns)
async def test_in_redis_no_symbol_moves_that_need_not(redis_url: str, redis_prefix: str, doings: list[Turn]) -> None:
    redis: Redis = open_redis(redis_url)
    prefix = f"{redis_prefix}{next(runs)}:"
    made = {
        n: RedisLeases(
            redis,
            prefix=prefix,
            service="fetcher",
            instance=f"fetcher-{n}",
            clock=SystemClock(),
            length_ms=60_000,  # nobody dies in this one: however slow the machine is
        )
        for n in range(REPLICAS)
    }
    try:
        await play(Replicas(made), doings)
    finally:
        await redis.aclose()
