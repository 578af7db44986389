import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.predictor.core.features import rows_of
from tests.support.candles import walk


@given(st.integers(0, 1_000), st.integers(1, 399), st.floats(0.01, 100))
def test_past_features_do_not_change_when_the_future_is_cut_off_or_rewritten(seed: int, cut: int, shock: float) -> None:
    bars = walk(400, seed=seed)
    whole = rows_of(bars)
    assert rows_of(bars[:cut]).tobytes() == whole[:cut].tobytes()
    bars[cut:, 1:] *= shock
    assert rows_of(bars)[:cut].tobytes() == whole[:cut].tobytes()


@given(st.integers(0, 1_000), st.floats(1e-6, 1e6))
def test_features_do_not_depend_on_the_unit_of_price_or_volume(seed: int, unit: float) -> None:
    bars = walk(200, seed=seed)
    scaled = bars.copy()
    scaled[:, 1:] *= unit
    np.testing.assert_allclose(rows_of(scaled), rows_of(bars), rtol=1e-5, atol=1e-7)
