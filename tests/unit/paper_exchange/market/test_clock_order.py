from decimal import Decimal

import pytest

from libs.common.errors import Refused
from services.paper_exchange.core.market.clock_order import ClockOrder, read_order


def test_what_is_not_mentioned_stays_as_it_is() -> None:
    assert read_order({"paused": False}) == ClockOrder(speed=None, paused=False, step=None)


@pytest.mark.parametrize(("value", "speed"), [(60, Decimal(60)), (0.5, Decimal("0.5")), ("1800", 1800), ("max", "max")])
def test_a_speed_is_a_number_or_max(value: float | str, speed: object) -> None:
    assert read_order({"speed": value}).speed == speed


@pytest.mark.parametrize("value", [True, -1, float("nan"), "quick", 100_001, [60]])
def test_other_speeds_are_refused(value: bool | float | str | list[int]) -> None:
    with pytest.raises(Refused, match="speed = "):
        read_order({"speed": value})  # type: ignore[dict-item]


def test_a_day_is_the_longest_step() -> None:
    assert read_order({"step": 86_400_000}).step == 86_400_000
    with pytest.raises(Refused, match="step = 86400001"):
        read_order({"step": 86_400_001})
