"""Leases: whatever replicas do, in whatever order, a symbol has one owner, and soon has one."""

from hypothesis import given
from hypothesis import strategies as st

from libs.common.clock import VirtualClock
from libs.common.locks.memory import MemoryLeases, MemoryLockServer
from libs.common.units import Symbol

WANTED = tuple(Symbol(f"S{n}USDT") for n in range(7))
moves = st.one_of(
    st.tuples(st.just("claim"), st.integers(0, 3)),
    st.tuples(st.just("release"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.integers(0, 6)),
)


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
    assert max(map(len, shares)) <= -(-len(WANTED) // living)
