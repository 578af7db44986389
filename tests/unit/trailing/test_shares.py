from structlog.testing import capture_logs

from libs.common.clock import VirtualClock
from libs.common.errors import Transient
from libs.common.units import Symbol
from services.trailing.adapters.shares import Shares

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")


class Leases:
    """Gives what is asked for, except `taken` by another replica; away while `lost`."""

    def __init__(self) -> None:
        self.taken: set[Symbol] = set()
        self.lost = False
        self.claims = 0

    async def claim(self, wanted: tuple[Symbol, ...]) -> frozenset[Symbol]:
        self.claims += 1
        if self.lost:
            raise Transient("no Redis")
        return frozenset(wanted) - self.taken

    async def release(self) -> None: ...


class Holder:
    def __init__(self, *symbols: Symbol) -> None:
        self.symbols = symbols
        self.share: frozenset[Symbol] = frozenset()

    def take(self, share: frozenset[Symbol]) -> None:
        self.share = share


async def test_a_new_symbol_is_claimed_before_its_message_is_acknowledged() -> None:
    leases, holder = Leases(), Holder(BTC)
    shares = Shares(leases, holder, clock=VirtualClock())
    await shares.keep(())
    assert holder.share == {BTC}
    await shares.keep(())
    assert leases.claims == 1
    holder.symbols = (BTC, ETH)
    await shares.keep(())
    assert holder.share == {BTC, ETH}


async def test_a_symbol_that_another_replica_has_is_not_spoken_for() -> None:
    leases, holder = Leases(), Holder(BTC, ETH)
    leases.taken = {ETH}
    await Shares(leases, holder, clock=VirtualClock()).claim()
    assert holder.share == {BTC}


async def test_a_lost_redis_changes_nothing_in_who_speaks() -> None:
    leases, holder = Leases(), Holder(BTC)
    shares = Shares(leases, holder, clock=VirtualClock())
    await shares.claim()
    leases.lost = True
    with capture_logs() as logs:
        await shares.claim()
    assert holder.share == {BTC}
    assert [line["event"] for line in logs] == ["lease.unrenewed"]
