import asyncio

from libs.common.units import Symbol
from tests.contract.locks.conftest import World
from tests.support.waiting import eventually

WANTED = tuple(Symbol(f"S{n}USDT") for n in range(5))


async def test_a_lone_replica_has_everything(world: World) -> None:
    assert await (await world.leases("fetcher")).claim(WANTED) == frozenset(WANTED)


async def test_a_new_replica_gets_its_fair_share_and_nobody_shares_a_symbol(world: World) -> None:
    one, other = await world.leases("fetcher"), await world.leases("fetcher-2")
    assert await one.claim(WANTED) == frozenset(WANTED)
    assert await other.claim(WANTED) == frozenset()
    first, second = await one.claim(WANTED), await other.claim(WANTED)
    assert len(first) == 3
    assert first | second == frozenset(WANTED)
    assert not first & second


async def test_shares_are_stable_once_they_are_fair(world: World) -> None:
    one, other = await world.leases("fetcher"), await world.leases("fetcher-2")
    for leases in (one, other):
        await leases.claim(WANTED)
    shares = [(await one.claim(WANTED), await other.claim(WANTED)) for _ in range(4)]
    assert len(set(shares)) == 1


async def test_a_dead_replica_is_inherited_from(world: World) -> None:
    dying, heir = await world.leases("fetcher"), await world.leases("fetcher-2")
    await dying.claim(WANTED)
    await heir.claim(WANTED)
    await dying.claim(WANTED)

    async def has_everything() -> bool:
        return await heir.claim(WANTED) == frozenset(WANTED)

    assert await eventually(has_everything)


async def test_a_clean_stop_hands_over_at_once(world: World) -> None:
    leaving, heir = await world.leases("fetcher"), await world.leases("fetcher-2")
    await leaving.claim(WANTED)
    await leaving.release()
    assert await heir.claim(WANTED) == frozenset(WANTED)


async def test_an_urgent_symbol_has_an_owner_first_though_another_is_given_up_for_it(world: World) -> None:
    one, other = await world.leases("fetcher"), await world.leases("fetcher-2")
    await one.claim(WANTED)
    await other.claim(WANTED)
    assert await one.claim(WANTED) == frozenset(WANTED[:3])
    held = Symbol("HELDUSDT")
    assert await one.claim((held, *WANTED[:3]), urgent=frozenset({held})) == {held, WANTED[0]}


async def test_a_symbol_that_is_not_urgent_is_left_to_who_has_room_for_it(world: World) -> None:
    one, other = await world.leases("fetcher"), await world.leases("fetcher-2")
    new = Symbol("A0USDT")
    await one.claim(WANTED)
    await other.claim(WANTED)
    before = await one.claim(WANTED), await other.claim(WANTED)
    assert await one.claim((new, *WANTED)) == before[0]
    assert await other.claim((new, *WANTED)) == {new, *before[1]}


async def test_three_replicas_that_came_one_by_one_are_even_within_one_symbol(world: World) -> None:
    wanted = tuple(Symbol(f"S{n}USDT") for n in range(7))
    replicas = [await world.leases(f"fetcher-{n}") for n in range(3)]
    for living in (1, 2, 3):
        for _ in range(3):
            shares = [await leases.claim(wanted) for leases in replicas[:living]]
    assert sorted(map(len, shares)) == [2, 2, 3]
    assert frozenset().union(*shares) == frozenset(wanted)


async def test_a_replica_knows_how_many_symbols_nobody_has(world: World) -> None:
    one, other = await world.leases("fetcher"), await world.leases("fetcher-2")
    await one.claim(WANTED)
    assert one.unowned == 0
    await other.claim(WANTED)
    await one.claim(WANTED)
    assert one.unowned == 2  # given back for the other, who has not taken them yet
    await other.claim(WANTED)
    assert other.unowned == 0


async def test_after_a_flush_nobody_takes_what_another_who_is_late_had(world: World) -> None:
    one, late = await world.leases("fetcher"), await world.leases("fetcher-2")
    for leases in (one, late, one, late):
        await leases.claim(WANTED)
    before = await one.claim(WANTED), await late.claim(WANTED)
    await world.flush()
    for _ in range(3):
        assert await one.claim(WANTED) == before[0]
    assert await late.claim(WANTED) == before[1]


async def test_what_is_no_longer_wanted_is_given_back(world: World) -> None:
    one, other = await world.leases("fetcher"), await world.leases("fetcher-2")
    await one.claim(WANTED)
    assert await one.claim(WANTED[:1]) == frozenset(WANTED[:1])
    await one.release()
    assert await other.claim(WANTED) == frozenset(WANTED)


async def test_wanting_nothing_is_having_nothing(world: World) -> None:
    leases = await world.leases("fetcher")
    await leases.claim(WANTED)
    assert await leases.claim(()) == frozenset()


async def test_after_a_flush_everybody_soon_has_a_share_again(world: World) -> None:
    one, other = await world.leases("fetcher"), await world.leases("fetcher-2")
    await one.claim(WANTED)
    await other.claim(WANTED)
    await world.flush()

    async def shared_again() -> bool:
        first, second = await one.claim(WANTED), await other.claim(WANTED)
        return bool(second) and first | second == frozenset(WANTED) and not first & second

    assert await eventually(shared_again)


async def test_a_flush_moves_no_symbol(world: World) -> None:
    first, second = await world.leases("fetcher"), await world.leases("fetcher-2")
    await first.claim(WANTED)
    await second.claim(WANTED)
    before = await first.claim(WANTED), await second.claim(WANTED)
    await world.flush()
    for _ in range(2):
        assert (await first.claim(WANTED), await second.claim(WANTED)) == before


async def test_many_replicas_claiming_at_once_never_share_a_symbol(world: World) -> None:
    replicas = [await world.leases(f"fetcher-{n}") for n in range(4)]
    for _ in range(10):
        shares = await asyncio.gather(*(leases.claim(WANTED) for leases in replicas))
    assert sum(map(len, shares)) == len(frozenset().union(*shares)) == len(WANTED)
