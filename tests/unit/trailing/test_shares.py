import asyncio

from libs.common.clock import VirtualClock
from libs.common.locks.held import LEASE_MS
from libs.common.locks.memory import MemoryLeases, MemoryLockServer
from libs.common.units import Symbol
from services.trailing.adapters.shares import RENEW_S, Shares

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")


class Holder:
    def __init__(self, *symbols: Symbol) -> None:
        self.symbols = symbols
        self.share: frozenset[Symbol] = frozenset()

    def take(self, share: frozenset[Symbol]) -> None:
        self.share = share


async def test_a_new_symbol_is_claimed_before_its_message_is_acknowledged() -> None:
    clock = VirtualClock()
    server, holder = MemoryLockServer(clock), Holder(BTC)
    shares = Shares(MemoryLeases(server, service="trailing", instance="one"), holder, clock=clock)
    await shares.keep(())
    assert holder.share == {BTC}
    holder.symbols = (BTC, ETH)
    await shares.keep(())
    assert holder.share == {BTC, ETH}


async def test_what_is_known_is_claimed_by_the_clock_alone() -> None:
    clock = VirtualClock()
    server, holder = MemoryLockServer(clock), Holder(BTC)
    shares = Shares(MemoryLeases(server, service="trailing", instance="one"), holder, clock=clock)
    await shares.keep(())
    server.flush()
    await shares.keep(())
    assert server.owner(f"lease:trailing:{BTC}") is None
    await shares.claim()
    assert server.owner(f"lease:trailing:{BTC}") == "one"


async def test_two_replicas_speak_for_different_symbols_and_the_living_takes_over() -> None:
    clock = VirtualClock()
    server, holders = MemoryLockServer(clock), (Holder(BTC, ETH), Holder(BTC, ETH))
    one, other = (
        Shares(MemoryLeases(server, service="trailing", instance=str(number)), holder, clock=clock)
        for number, holder in enumerate(holders)
    )
    for shares in (one, other, one, other):
        await shares.claim()
    assert holders[0].share | holders[1].share == {BTC, ETH}
    assert not holders[0].share & holders[1].share
    clock.advance(LEASE_MS / 1_000 + 1)  # the other one died
    await one.claim()
    assert holders[0].share == {BTC, ETH}


async def test_the_share_is_renewed_every_second() -> None:
    clock = VirtualClock()
    server, holder = MemoryLockServer(clock), Holder(BTC)
    renewing = asyncio.create_task(
        Shares(MemoryLeases(server, service="trailing", instance="one"), holder, clock=clock).renew()
    )
    for _ in range(20):
        await asyncio.sleep(0)
        clock.advance(RENEW_S)
        assert server.owner(f"lease:trailing:{BTC}") == "one"
    renewing.cancel()
