"""The 66 features in the order of their columns: what each one is, where it is from, and when it can be believed.

C, H, L, O, V: close, high, low, open and volume of the bar; [-n]: n bars earlier; ATR: average true range, 14 bars.
`warm_up` counts the bars that a value needs; an exponential average counts as warm once its first bar weighs < 1 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    definition: str
    source: str
    warm_up: int


def _returns() -> Sequence[Feature]:
    horizons = (1, 2, 4, 8, 16, 32, 64, 96)
    return [Feature(f"return_{h}", f"ln(C / C[-{h}])", "Campbell, Lo & MacKinlay 1997, 1.4", h + 1) for h in horizons]


_TREND: Final = (
    Feature("ema_distance_8", "(C - EMA 8) / ATR", "exponential average", 40),
    Feature("ema_distance_50", "(C - EMA 50) / ATR", "exponential average", 120),
    Feature("ema_cross_8_34", "(EMA 8 - EMA 34) / ATR", "exponential average", 80),
    Feature("sma_distance_20", "C / mean(C, 20) - 1", "simple average; TA-Lib SMA", 20),
    Feature("sma_distance_96", "C / mean(C, 96) - 1", "simple average; TA-Lib SMA", 96),
    Feature("ema_slope_20", "(EMA 20 - EMA 20[-1]) / ATR", "exponential average", 50),
    Feature("ema_slope_50", "(EMA 50 - EMA 50[-1]) / ATR", "exponential average", 120),
    Feature("macd", "(EMA 12 - EMA 26) / C", "Appel 1979; TA-Lib MACD", 65),
    Feature("macd_signal", "EMA 9 of (EMA 12 - EMA 26), / C", "Appel 1979; TA-Lib MACD", 85),
    Feature("macd_histogram", "macd - macd_signal", "Appel 1979; TA-Lib MACD", 85),
)
_MOMENTUM: Final = (
    Feature("rsi_7", "relative strength index of 7 bars, 0..100", "Wilder 1978; TA-Lib RSI", 35),
    Feature("rsi_14", "relative strength index of 14 bars, 0..100", "Wilder 1978; TA-Lib RSI", 65),
    Feature("rsi_21", "relative strength index of 21 bars, 0..100", "Wilder 1978; TA-Lib RSI", 100),
    Feature("stochastic_k_14", "100 (C - min(L, 14)) / (max(H, 14) - min(L, 14))", "Lane; TA-Lib STOCHF", 14),
    Feature("stochastic_d_3", "mean(stochastic_k_14, 3)", "Lane; TA-Lib STOCHF", 16),
    Feature(
        "cci_20", "(T - mean(T, 20)) / (0.015 mean|T - mean|), T = (H + L + C) / 3", "Lambert 1980; TA-Lib CCI", 20
    ),
    Feature("ultimate", "buying pressure over 7, 14, 28 bars, 4:2:1, 0..100", "Williams 1985; TA-Lib ULTOSC", 29),
    Feature("aroon_25", "100 (bars since low - bars since high) / 25, of 26 bars", "Chande 1995; TA-Lib AROONOSC", 26),
    Feature("stochastic_rsi_14", "where rsi_14 is in its reach of 14 bars, 0..100", "Chande 1994; TA-Lib STOCHRSI", 78),
)
_DIRECTION: Final = (
    Feature("adx_14", "average directional index, 0..100", "Wilder 1978; TA-Lib ADX", 130),
    Feature("plus_di_14", "upward directional movement / true range, 0..100", "Wilder 1978; TA-Lib PLUS_DI", 65),
    Feature("minus_di_14", "downward directional movement / true range, 0..100", "Wilder 1978; TA-Lib MINUS_DI", 65),
)
_RANGE: Final = (
    Feature("atr_fraction_14", "ATR / C", "Wilder 1978; TA-Lib ATR", 65),
    Feature("range_in_atr", "true range / ATR", "Wilder 1978; TA-Lib TRANGE", 65),
    Feature("bollinger_position_20", "(C - mean(C, 20)) / (2 sigma(C, 20))", "Bollinger 1983; TA-Lib BBANDS", 20),
    Feature("bollinger_width_20", "4 sigma(C, 20) / mean(C, 20)", "Bollinger 1983; TA-Lib BBANDS", 20),
    Feature("keltner_position_20", "(C - EMA 20) / (2 ATR of 10 bars)", "Keltner 1960, Raschke", 50),
    Feature("donchian_position_20", "(C - min(L, 20)) / (max(H, 20) - min(L, 20))", "Donchian; TA-Lib MIN, MAX", 20),
    Feature("donchian_position_96", "(C - min(L, 96)) / (max(H, 96) - min(L, 96))", "Donchian; TA-Lib MIN, MAX", 96),
    Feature("donchian_width_20", "(max(H, 20) - min(L, 20)) / ATR", "Donchian; TA-Lib MIN, MAX", 65),
    Feature("volatility_8", "sample deviation of return_1 over 8 bars", "close to close", 9),
    Feature("volatility_24", "sample deviation of return_1 over 24 bars", "close to close", 25),
    Feature("volatility_96", "sample deviation of return_1 over 96 bars", "close to close", 97),
    Feature("parkinson_24", "sqrt(mean(ln(H / L)^2, 24) / (4 ln 2))", "Parkinson 1980", 24),
    Feature(
        "garman_klass_24",
        "sqrt(mean(ln(H / L)^2 / 2 - (2 ln 2 - 1) ln(C / O)^2, 24))",
        "Garman & Klass 1980",
        24,
    ),
    Feature("volatility_ratio", "volatility_8 / volatility_96", "close to close", 97),
    Feature("skewness_96", "skewness of return_1 over 96 bars", "third standardised moment", 97),
)
_VOLUME: Final = (
    Feature("volume_z_20", "(V - mean(V, 20)) / sigma(V, 20)", "standard score", 20),
    Feature("volume_z_96", "(V - mean(V, 96)) / sigma(V, 96)", "standard score", 96),
    Feature("obv_slope_20", "sum(sign(return_1) V, 20) / sum(V, 20)", "Granville 1963; TA-Lib OBV", 21),
    Feature("mfi_14", "money flow index of 14 bars, 0..100", "Quong & Soudack 1989; TA-Lib MFI", 15),
    Feature("vwap_distance_96", "(C - volume-weighted T over 96 bars) / ATR", "volume-weighted average", 96),
    Feature("money_flow_20", "sum((2C - H - L) / (H - L) V, 20) / sum(V, 20)", "Chaikin", 20),
    Feature("volume_return_correlation_20", "correlation of return_1 and V over 20 bars", "Pearson", 21),
)
_CANDLE: Final = (
    Feature("body", "(C - O) / (H - L)", "candle shape", 1),
    Feature("upper_shadow", "(H - max(O, C)) / (H - L)", "candle shape", 1),
    Feature("lower_shadow", "(min(O, C) - L) / (H - L)", "candle shape", 1),
    Feature("body_in_atr", "(C - O) / ATR", "candle shape", 65),
)
_STREAK: Final = (
    Feature("streak", "closes in a row in one direction, signed, at most 20", "count", 21),
    Feature("bars_since_high_96", "bars since max(H, 96)", "count", 96),
    Feature("bars_since_low_96", "bars since min(L, 96)", "count", 96),
)
_REGIME: Final = (
    Feature("efficiency_16", "|C - C[-16]| / sum(|C - C[-1]|, 16)", "Kaufman 1995", 17),
    Feature("efficiency_64", "|C - C[-64]| / sum(|C - C[-1]|, 64)", "Kaufman 1995", 65),
    Feature("autocorrelation_96", "correlation of return_1 and return_1[-1] over 95 pairs", "Pearson", 97),
)
_SEASON: Final = (
    Feature("day_sine", "sin(2 pi x part of the UTC day at the open)", "time of day", 1),
    Feature("day_cosine", "cos(2 pi x part of the UTC day at the open)", "time of day", 1),
    Feature("week_sine", "sin(2 pi x part of the week from Monday at the open)", "time of week", 1),
    Feature("week_cosine", "cos(2 pi x part of the week from Monday at the open)", "time of week", 1),
)

FEATURES: Final = (
    *_returns(),
    *_TREND,
    *_MOMENTUM,
    *_DIRECTION,
    *_RANGE,
    *_VOLUME,
    *_CANDLE,
    *_STREAK,
    *_REGIME,
    *_SEASON,
)
NAMES: Final = tuple(feature.name for feature in FEATURES)
COLUMN: Final = {name: column for column, name in enumerate(NAMES)}
WARM_UP: Final = max(feature.warm_up for feature in FEATURES)  # bars after which a whole row can be believed


def markdown() -> str:
    """The table as docs/features.md shows it."""
    head = [
        "# The features",
        "",
        f"{len(FEATURES)} numbers that are known at the close of a candle, computed by one kernel "
        "(`services/predictor/core/features.py`) for training and for trading. C, H, L, O, V are close, high, low, "
        "open and volume of the candle, [-n] is n candles earlier, ATR is the average true range of 14 candles. "
        "Warm-up counts the candles that a value needs. Made from `services/predictor/core/feature_table.py`.",
        "",
        "| # | name | definition | source | warm-up |",
        "|---|---|---|---|---|",
    ]
    rows = [
        f"| {i} | `{f.name}` | {f.definition.replace('|', chr(92) + '|')} | {f.source} | {f.warm_up} |"
        for i, f in enumerate(FEATURES, start=1)
    ]
    return "\n".join([*head, *rows, ""])
