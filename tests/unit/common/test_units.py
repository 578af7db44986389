from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.units import Side, Timeframe, ceil_to, floor_to

values = st.decimals(min_value=-(10**9), max_value=10**9, places=8)
steps = st.sampled_from([Decimal("0.1"), Decimal("0.5"), Decimal("0.001"), Decimal(5), Decimal("0.00000001")])


@given(values, steps)
def test_rounding_gives_multiples_that_enclose_the_value(value: Decimal, step: Decimal) -> None:
    below, above = floor_to(value, step), ceil_to(value, step)
    assert below <= value <= above
    assert above - below in (0, step)
    assert below % step == above % step == 0


def test_the_sides_are_opposite() -> None:
    assert (Side.LONG.sign, Side.SHORT.sign) == (1, -1)
    assert all(side.opposite.opposite is side and side.opposite.sign == -side.sign for side in Side)


@pytest.mark.parametrize(("timeframe", "minutes"), [("1m", 1), ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60)])
def test_a_timeframe_knows_its_length(timeframe: str, minutes: int) -> None:
    assert Timeframe(timeframe).ms == minutes * 60_000
