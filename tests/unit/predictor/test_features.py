import numpy as np
import pytest
import talib

from libs.common.units import DAY_MS, HOUR_MS
from services.predictor.core.feature_table import COLUMN, FEATURES, NAMES, WARM_UP, Feature
from services.predictor.core.features import COLUMNS, MEMORY, FloatArray, new_state, rows_of, step
from tests.support.candles import walk

BARS = walk(2_400)
ROWS = rows_of(BARS)
SETTLED = 1_200  # TA-Lib starts its averages otherwise: by then both have forgotten how they began

_, OPEN, HIGH, LOW, CLOSE, VOLUME = (np.ascontiguousarray(column) for column in BARS.T)
RETURN = np.concatenate([[np.nan], np.log(CLOSE[1:] / CLOSE[:-1])])
ATR = talib.ATR(HIGH, LOW, CLOSE, 14)
MACD, MACD_SIGNAL, MACD_HISTOGRAM = talib.MACD(CLOSE, 12, 26, 9)
UPPER, MIDDLE, LOWER = talib.BBANDS(CLOSE, 20, 2, 2)
FAST_K, FAST_D = talib.STOCHF(HIGH, LOW, CLOSE, 14, 3, 0)
OBV = talib.OBV(CLOSE, VOLUME)

TALIB: dict[str, FloatArray] = {
    **{f"return_{n}": np.log(talib.ROCR(CLOSE, n)) for n in (1, 2, 4, 8, 16, 32, 64, 96)},
    "ema_distance_8": (CLOSE - talib.EMA(CLOSE, 8)) / ATR,
    "ema_distance_50": (CLOSE - talib.EMA(CLOSE, 50)) / ATR,
    "ema_cross_8_34": (talib.EMA(CLOSE, 8) - talib.EMA(CLOSE, 34)) / ATR,
    "sma_distance_20": CLOSE / talib.SMA(CLOSE, 20) - 1,
    "sma_distance_96": CLOSE / talib.SMA(CLOSE, 96) - 1,
    "macd": MACD / CLOSE,
    "macd_signal": MACD_SIGNAL / CLOSE,
    "macd_histogram": MACD_HISTOGRAM / CLOSE,
    "rsi_7": talib.RSI(CLOSE, 7),
    "rsi_14": talib.RSI(CLOSE, 14),
    "rsi_21": talib.RSI(CLOSE, 21),
    "stochastic_k_14": FAST_K,
    "stochastic_d_3": FAST_D,
    "cci_20": talib.CCI(HIGH, LOW, CLOSE, 20),
    "ultimate": talib.ULTOSC(HIGH, LOW, CLOSE, 7, 14, 28),
    "aroon_25": talib.AROONOSC(HIGH, LOW, 25),
    "stochastic_rsi_14": talib.STOCHRSI(CLOSE, 14, 14, 1, 0)[0],
    "adx_14": talib.ADX(HIGH, LOW, CLOSE, 14),
    "plus_di_14": talib.PLUS_DI(HIGH, LOW, CLOSE, 14),
    "minus_di_14": talib.MINUS_DI(HIGH, LOW, CLOSE, 14),
    "atr_fraction_14": ATR / CLOSE,
    "range_in_atr": talib.TRANGE(HIGH, LOW, CLOSE) / ATR,
    "bollinger_position_20": (CLOSE - MIDDLE) / (UPPER - MIDDLE),
    "bollinger_width_20": (UPPER - LOWER) / MIDDLE,
    "donchian_position_20": (CLOSE - talib.MIN(LOW, 20)) / (talib.MAX(HIGH, 20) - talib.MIN(LOW, 20)),
    "donchian_position_96": (CLOSE - talib.MIN(LOW, 96)) / (talib.MAX(HIGH, 96) - talib.MIN(LOW, 96)),
    "donchian_width_20": (talib.MAX(HIGH, 20) - talib.MIN(LOW, 20)) / ATR,
    "volatility_8": talib.STDDEV(RETURN, 8) * np.sqrt(8 / 7),
    "volatility_24": talib.STDDEV(RETURN, 24) * np.sqrt(24 / 23),
    "volatility_96": talib.STDDEV(RETURN, 96) * np.sqrt(96 / 95),
    "volume_z_20": (VOLUME - talib.SMA(VOLUME, 20)) / talib.STDDEV(VOLUME, 20),
    "volume_z_96": (VOLUME - talib.SMA(VOLUME, 96)) / talib.STDDEV(VOLUME, 96),
    "obv_slope_20": (OBV - np.roll(OBV, 20)) / talib.SUM(VOLUME, 20),
    "mfi_14": talib.MFI(HIGH, LOW, CLOSE, VOLUME, 14),
    "money_flow_20": talib.SUM((2 * CLOSE - HIGH - LOW) / (HIGH - LOW) * VOLUME, 20) / talib.SUM(VOLUME, 20),
    "volume_return_correlation_20": talib.CORREL(RETURN, VOLUME, 20),
    "bars_since_high_96": np.arange(len(BARS)) - talib.MAXINDEX(HIGH, 96),
    "bars_since_low_96": np.arange(len(BARS)) - talib.MININDEX(LOW, 96),
}


def column(name: str) -> FloatArray:
    return ROWS[:, COLUMN[name]]


@pytest.mark.parametrize("name", TALIB)
def test_a_feature_agrees_with_ta_lib_once_both_have_settled(name: str) -> None:
    np.testing.assert_allclose(column(name)[SETTLED:], TALIB[name][SETTLED:], rtol=1e-6, atol=1e-9)


def test_the_range_estimators_follow_their_papers() -> None:
    reach, body = np.log(HIGH / LOW)[-24:] ** 2, np.log(CLOSE / OPEN)[-24:] ** 2
    assert column("parkinson_24")[-1] == pytest.approx(np.sqrt(reach.mean() / (4 * np.log(2))))
    garman_klass = np.sqrt((0.5 * reach - (2 * np.log(2) - 1) * body).mean())
    assert column("garman_klass_24")[-1] == pytest.approx(garman_klass)


def test_the_average_price_is_weighted_by_volume() -> None:
    typical = (HIGH + LOW + CLOSE)[-96:] / 3
    expected = (CLOSE[-1] - np.average(typical, weights=VOLUME[-96:])) / ATR[-1]
    assert column("vwap_distance_96")[-1] == pytest.approx(expected)


def test_shape_streak_and_efficiency_of_a_market_that_only_rises() -> None:
    close = 100 * 1.001 ** np.arange(200.0)
    bars = np.column_stack([np.arange(200) * HOUR_MS, close / 1.001, close, close / 1.001, close, np.ones(200)])
    last = dict(zip(NAMES, rows_of(bars)[-1], strict=True))
    assert (last["body"], last["upper_shadow"], last["lower_shadow"]) == (1, 0, 0)
    assert (last["streak"], last["bars_since_high_96"], last["bars_since_low_96"]) == (20, 0, 95)
    assert last["efficiency_16"] == pytest.approx(1)
    assert last["rsi_14"] == 100
    assert last["volume_z_20"] == 0


def test_a_market_that_stands_still_has_every_feature_and_no_opinion() -> None:
    still = np.column_stack([np.arange(200) * HOUR_MS, *[np.full(200, 0.1)] * 4, np.zeros(200)])
    last = dict(zip(NAMES, rows_of(still)[-1], strict=True))
    assert not [name for name, value in last.items() if not np.isfinite(value)]
    assert (last["rsi_14"], last["stochastic_k_14"], last["adx_14"], last["skewness_96"]) == (50, 50, 0, 0)


def test_the_time_of_day_is_that_of_the_open() -> None:
    noon = rows_of(walk(WARM_UP, start=-(WARM_UP - 1) * HOUR_MS + DAY_MS // 2, step_ms=HOUR_MS))[-1]
    assert noon[COLUMN["day_cosine"]] == pytest.approx(-1)
    monday = rows_of(walk(WARM_UP, start=4 * DAY_MS - (WARM_UP - 1) * HOUR_MS, step_ms=HOUR_MS))[-1]
    assert monday[COLUMN["week_cosine"]] == pytest.approx(1)


def test_history_and_live_give_the_same_bits() -> None:
    state, row = new_state(), np.empty(COLUMNS)
    for bar, expected in zip(BARS, ROWS, strict=True):
        step(state, bar, row)
        assert row.tobytes() == expected.tobytes()


def test_a_process_that_starts_late_computes_the_same_bits() -> None:
    late = rows_of(BARS[600:])
    assert late[MEMORY:].tobytes() == ROWS[600 + MEMORY :].tobytes()


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_value_is_unknown_until_its_feature_is_warm(feature: Feature) -> None:
    values = column(feature.name)
    assert np.isnan(values[: feature.warm_up - 1]).all()
    assert np.isfinite(values[feature.warm_up - 1 :]).all()
