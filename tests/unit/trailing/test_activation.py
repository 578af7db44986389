from decimal import Decimal as D

import pytest

from libs.common.units import Side
from services.trailing.core.activation import first_risk, has_ratcheted, is_active
from tests.support.positions import price_of


@pytest.mark.parametrize(
    ("side", "initial_stop", "risk"),
    [
        (Side.LONG, "98", "2"),
        (Side.SHORT, "102", "2"),
        (Side.LONG, None, "7"),  # adopted: nobody knows what was risked
        (Side.LONG, "101", "7"),  # filled beyond its own stop
        (Side.SHORT, "100", "7"),
    ],
)
def test_the_first_risk_is_the_way_to_the_first_stop(side: Side, initial_stop: str | None, risk: str) -> None:
    stop = None if initial_stop is None else price_of(initial_stop)
    assert first_risk(side, entry=price_of(100), initial_stop=stop, distance=D(7)) == D(risk)


@pytest.mark.parametrize(
    ("side", "best", "active"),
    [
        (Side.LONG, "101.99", False),
        (Side.LONG, "102", True),
        (Side.SHORT, "98", True),
        (Side.SHORT, "98.01", False),
        (Side.SHORT, "105", False),
    ],
)
def test_trailing_starts_at_one_first_risk_of_profit(side: Side, best: str, active: bool) -> None:
    assert is_active(side, entry=price_of(100), best=price_of(best), risk=D(2), activation_r=D(1)) is active


@pytest.mark.parametrize(
    ("side", "stop", "initial_stop", "moved"),
    [
        (Side.LONG, "99", "98", True),
        (Side.LONG, "98", "98", False),
        (Side.SHORT, "101", "102", True),
        (Side.SHORT, "103", "102", False),
        (Side.LONG, None, "98", False),
        (Side.LONG, "99", None, False),
    ],
)
def test_a_stop_tighter_than_the_first_one_has_been_ratcheted(
    side: Side, stop: str | None, initial_stop: str | None, moved: bool
) -> None:
    now = None if stop is None else price_of(stop)
    first = None if initial_stop is None else price_of(initial_stop)
    assert has_ratcheted(side, stop=now, initial_stop=first) is moved
