"""`ironkeel up --scale fetcher=3`: the symbols are shared evenly, and again after one was killed."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.system import System, until

SYMBOLS = 7
FETCHERS = {"fetcher", "fetcher-2", "fetcher-3"}


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    words = ["--symbols", f"top:{SYMBOLS}", "--policy", "random:1", "--scale", "fetcher=3", "--speed", "60"]
    with System(tmp_path / "home", words, {"IRONKEEL_FETCHER__HISTORY": "500"}) as running:
        running.wait_ready()
        yield running


def owners(system: System) -> Counter[str]:
    """How many symbols each fetcher has the lease of."""
    with system.redis() as client:
        keys = list(client.scan_iter("ik:lease:fetcher:*"))
        found = [owner.decode() for owner in client.mget(keys) if owner] if keys else []
    return Counter(found)


def is_shared(system: System) -> bool:
    """Whether every symbol has an owner and the owners' shares are even within one."""
    shares = owners(system)
    return shares.keys() == FETCHERS and sorted(shares.values()) == [2, 2, 3]


def are_ready(system: System) -> bool:
    services = system.services()
    return services.keys() >= FETCHERS and all(services[name]["ready"] for name in FETCHERS)


@pytest.mark.timeout(300)
def test_scaled_fetchers_share_the_symbols_and_do_so_again_after_one_was_killed(system: System) -> None:
    until(lambda: is_shared(system), within=30, what="three even shares")
    until(lambda: are_ready(system), within=60, what="three fetchers with their history")
    universe = system.get("/v1/universe", 1)
    assert universe is not None
    with system.redis() as client:
        leased = {key.decode().rpartition(":")[2] for key in client.scan_iter("ik:lease:fetcher:*")}
    assert leased == set(universe["symbols"])
    died = system.kill("fetcher-2")
    until(lambda: system.pid("fetcher-2") not in (None, died), within=30, what="a new fetcher-2")
    until(lambda: is_shared(system), within=30, what="three even shares again")
