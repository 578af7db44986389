import pytest

from libs.common.exchange.trading_types import Action
from libs.common.units import Side
from services.paper_exchange.core.books.leg import Leg


@pytest.mark.parametrize(
    ("leg", "side", "closing"),
    [(Leg.ONE_WAY, None, None), (Leg.LONG, Side.LONG, Action.SELL), (Leg.SHORT, Side.SHORT, Action.BUY)],
)
def test_a_leg_of_hedge_mode_has_one_side_and_one_way_to_close(
    leg: Leg, side: Side | None, closing: Action | None
) -> None:
    assert leg.side is side
    assert [action for action in Action if leg.closes(action)] == ([closing] if closing else [])
