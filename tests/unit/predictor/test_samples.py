import numpy as np

from libs.common.units import Instant, Timeframe
from services.predictor.core.feature_table import COLUMN, WARM_UP
from services.predictor.core.features import rows_of
from services.predictor.core.labels import BARRIERS, BUY, SELL
from services.predictor.training.samples import mirrored, samples_of, split
from tests.support.candles import BEGINNING, walk

M15 = Timeframe.M15
FOREVER = Instant(2**60)


def test_every_warm_bar_with_a_known_future_is_there_twice_once_in_the_mirror() -> None:
    samples = samples_of([walk(400), walk(300, seed=2)], M15, until=FOREVER)
    assert len(samples) == 2 * (400 + 300 - 2 * (WARM_UP - 1) - 2 * BARRIERS.horizon)
    assert (samples.labels == BUY).sum() == (samples.labels == SELL).sum() > 0
    assert np.isfinite(samples.rows).all()
    assert (np.diff(samples.closes) >= 0).all()


def test_nothing_that_closes_after_the_market_s_now_is_used() -> None:
    until = Instant(BEGINNING + 300 * M15.ms)
    bars = walk(400)
    cut, whole = samples_of([bars[:300]], M15, until=FOREVER), samples_of([bars], M15, until=until)
    assert whole.closes.max() <= until
    assert whole.rows.tobytes() == cut.rows.tobytes()
    assert (whole.labels == cut.labels).all()
    assert whole.digest == cut.digest


def test_in_the_mirror_what_rose_falls_by_as_much() -> None:
    bars = walk(300)
    rows, turned = rows_of(bars)[-1], rows_of(mirrored(bars))[-1]
    assert np.isclose(turned[COLUMN["return_8"]], -rows[COLUMN["return_8"]])
    assert np.isclose(turned[COLUMN["volatility_96"]], rows[COLUMN["volatility_96"]])
    assert turned[COLUMN["volume_z_20"]] == rows[COLUMN["volume_z_20"]]


def test_the_parts_are_in_order_of_time_with_a_horizon_between_them() -> None:
    learn, calibrate, score = split(samples_of([walk(1_000)], M15, until=FOREVER), M15)
    gap = BARRIERS.horizon * M15.ms
    assert learn.closes.max() + gap < calibrate.closes.min()
    assert calibrate.closes.max() + gap < score.closes.min()
    assert len(learn) > 3 * len(score) > 0


def test_no_series_or_too_short_ones_make_no_samples() -> None:
    assert len(samples_of([], M15, until=FOREVER)) == 0
    assert len(samples_of([walk(50)], M15, until=FOREVER)) == 0
    assert len(samples_of([walk(1)[:0]], M15, until=FOREVER)) == 0
