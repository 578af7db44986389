from decimal import Decimal

import numpy as np
import pytest

from services.paper_exchange.core.market.grain import in_ticks, price_tick, volume_quantum


@pytest.mark.parametrize(
    ("prices", "tick"),
    [
        ([60_000.1, 59_999.9], "0.1"),
        ([60_000.5, 60_001.0], "0.5"),
        ([0.02, 0.04], "0.02"),
        ([1.23e-07, 4.56e-07], "1E-9"),
        ([0.011426, 0.011466], "0.000002"),
        ([100.0, 250.0], "50"),
    ],
)
def test_the_tick_is_the_coarsest_step_that_all_prices_are_on(prices: list[float], tick: str) -> None:
    assert price_tick(np.array(prices)) == Decimal(tick)


def test_prices_on_no_grid_have_no_tick() -> None:
    assert price_tick(np.array([1 / 3, 2.0])) is None


@pytest.mark.parametrize("price", [0.1 + 0.2 - 0.1e-15, 109_412.4, 0.011426, 7.1e-06, 4_372.15])
def test_whole_ticks_times_the_tick_are_the_price_as_it_is_printed(price: float) -> None:
    price = float(repr(round(price, 7)))
    tick = price_tick(np.array([price, round(price * 3, 7)]))

    assert tick is not None
    assert int(in_ticks(np.array([price]), tick)[0]) * tick == Decimal(repr(price))


def test_volumes_are_counted_in_a_power_of_ten_despite_the_noise_of_sums() -> None:
    assert volume_quantum(np.array([12.0, 7.0])) == 1
    assert volume_quantum(np.array([0.1 + 0.2, 5.0])) == Decimal("0.1")
    assert volume_quantum(np.array([0.00012])) == Decimal("0.001")
