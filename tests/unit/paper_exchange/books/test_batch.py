from collections.abc import Sequence

import pytest

from services.paper_exchange.core.books.batch import Batch, RequestMade
from services.paper_exchange.core.books.changes import Change
from tests.support.trading_floor import Floor

REQUEST = RequestMade("POST", "/v5/order/create", "BTCUSDT", "ika-BTCUSDT-1-e", 110007)


def changes() -> Sequence[Change]:
    floor = Floor()
    floor.buys("1")
    return floor.books.take_journal()


@pytest.mark.parametrize(
    ("told", "asked", "heartbeat"),
    [([], [], True), (changes(), [], False), ([], [REQUEST], False), (changes(), [REQUEST], False)],
    ids=["time alone", "changes", "a refused request", "both"],
)
def test_only_what_says_nothing_but_the_time_is_a_heartbeat(
    told: Sequence[Change], asked: Sequence[RequestMade], heartbeat: bool
) -> None:
    """A heartbeat is written without waiting for the disk, so nothing that happened may pass for one."""
    assert Batch(told, asked, Floor().now).is_heartbeat is heartbeat
