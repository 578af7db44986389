import pytest

from services.paper_exchange.core.relayed.relayed import Recalls, Relayed, may_fill
from tests.support.scripted_market import ScriptedMarket


@pytest.mark.parametrize(
    ("path", "fills"),
    [
        ("/v5/order/create", True),
        ("/v5/order/create-batch", True),
        ("/v5/order/amend", True),
        ("/v5/order/cancel", False),
        ("/v5/order/cancel-all", False),
        ("/v5/position/trading-stop", False),
        ("/v5/position/set-leverage", False),
    ],
)
def test_what_takes_risk_away_is_never_held_up(path: str, fills: bool) -> None:
    assert may_fill(path) is fills


def test_a_market_of_our_own_is_not_relayed() -> None:
    assert not isinstance(ScriptedMarket(), Relayed)
    assert not isinstance(ScriptedMarket(), Recalls)
