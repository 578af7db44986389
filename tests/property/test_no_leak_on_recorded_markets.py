"""On real candles nobody knows the direction: a model that seems to has seen the future."""

import pytest

from libs.common.units import Instant, Timeframe
from services.predictor.adapters.candle_files import read_bars, symbols_in
from services.predictor.training.samples import samples_of
from services.predictor.training.train import fit
from tests.support.panels import real_panel

PANEL = real_panel("bybit-perp_2025-09_2026-03")


@pytest.mark.real_data
@pytest.mark.skipif(not PANEL.is_dir(), reason=f"{PANEL} is not there")
def test_the_direction_of_months_it_has_not_seen_is_a_coin() -> None:
    bars = [read_bars(PANEL, symbol, Timeframe.H1) for symbol in symbols_in(PANEL, Timeframe.H1)]
    samples = samples_of(bars, Timeframe.H1, until=Instant(2**60))
    metrics = fit(samples, Timeframe.H1, rounds=60, tell=lambda _done, _every: None).metrics
    assert 0.44 < metrics["direction_auc"] < 0.56
    assert -0.05 < metrics["skill"] < 0.10  # whether price moves follows the hour and the calm before
    assert metrics["calibration_error"] < 0.05
