import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.predictor.core.labels import BUY, HOLD, SELL, UNKNOWN, Barriers, labels_of, turned
from tests.support.candles import walk

BARRIERS = Barriers(width_atr=1.0, horizon=3, cost=0, cost_multiple=0)
ATR = np.ones(5)


def bars(*lows_and_highs: tuple[float, float]) -> np.ndarray:
    """A bar that closes at 100, and those that follow it, between these prices."""
    rows = [(0.0, 100.0, 100.0, 100.0, 100.0, 1.0)]
    rows += [(0.0, 100.0, high, low, 100.0, 1.0) for low, high in lows_and_highs]
    return np.array(rows)


@pytest.mark.parametrize(
    ("future", "label"),
    [
        (((99.5, 100.5), (99.5, 101.0), (99.5, 100.5)), BUY),
        (((99.0, 100.5), (99.5, 105.0), (99.5, 100.5)), SELL),
        (((99.5, 100.5), (99.5, 100.5), (99.5, 100.5)), HOLD),
        (((98.0, 102.0), (99.5, 105.0), (99.5, 100.5)), HOLD),
    ],
    ids=["up first", "down first", "neither", "both in one bar: nobody knows"],
)
def test_the_barrier_that_is_reached_first_gives_the_label(future: tuple[tuple[float, float], ...], label: int) -> None:
    assert labels_of(bars(*future, (99.9, 100.1)), ATR, BARRIERS)[0] == label


def test_the_last_bars_are_unknown_even_where_a_barrier_was_reached() -> None:
    labels = labels_of(bars(*[(90.0, 101.0)] * 4), ATR, BARRIERS)
    assert labels.tolist()[2:] == [UNKNOWN] * 3


def test_a_barrier_is_never_nearer_than_what_a_trade_costs() -> None:
    costly = Barriers(width_atr=1.0, horizon=3, cost=0.01, cost_multiple=3)
    future = bars((99.0, 102.9), (99.0, 100.5), (99.0, 100.5), (99.9, 100.1))
    assert labels_of(future, ATR, costly)[0] == HOLD
    assert labels_of(future, ATR, BARRIERS)[0] == HOLD  # both at once
    future[1, 3] = 99.5
    assert labels_of(future, ATR, BARRIERS)[0] == BUY


def test_without_an_atr_nothing_is_labelled() -> None:
    assert labels_of(bars(*[(99.0, 100.0)] * 4), np.full(5, np.nan), BARRIERS).tolist() == [UNKNOWN] * 5


def test_fewer_bars_than_the_horizon_teach_nothing() -> None:
    assert labels_of(bars((99.0, 101.0)), np.ones(2), BARRIERS).tolist() == [UNKNOWN] * 2


@given(st.integers(0, 200), st.integers(20, 80))
def test_a_label_depends_on_its_own_horizon_only(seed: int, cut: int) -> None:
    walked, atr = walk(100, seed=seed), np.full(100, 0.5)
    whole, part = labels_of(walked, atr, BARRIERS), labels_of(walked[:cut], atr[:cut], BARRIERS)
    assert part[: cut - 3].tolist() == whole[: cut - 3].tolist()


def test_in_the_mirror_a_rise_is_a_fall_and_a_hold_is_a_hold() -> None:
    assert turned(np.array([SELL, HOLD, BUY, UNKNOWN], np.int8)).tolist() == [BUY, HOLD, SELL, UNKNOWN]
