"""66 features of a candle, known at its close: one kernel for history and for the newest bar.

1. The row of a bar depends on that bar and those before it, never on a later one.
2. History is `step` in a loop and live is `step` once: the same bars give the same bits.
3. Every window is summed afresh, oldest first, and the longest exponential memory (50 bars) fades below a double's
   precision within MEMORY bars, so a row does not depend on when the process was started.
4. A value is NaN until its feature has seen the bars that it needs (feature_table.Feature.warm_up).
5. A ratio whose denominator is nothing (no range, no volume, no change) is 0, or the middle of its scale.

A bar is six numbers: open time in ms UTC, open, high, low, close (quote currency, > 0), volume (base units, >= 0).
Names, definitions and sources of the columns: feature_table.py. `FIRST_*` below are columns of that table.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.predictor.core.compiled import compiled
from services.predictor.core.feature_table import FEATURES

FloatArray = NDArray[np.float64]

MEMORY: Final = 1_000  # bars after which nothing older can be felt
COLUMNS: Final = len(FEATURES)

# Layout of a state: counters and averages, warm-ups of the columns, then rings written twice so that the newest n
# values always lie side by side.
SEEN, PLACE = 0, 1
EMA_8, EMA_12, EMA_20, EMA_26, EMA_34, EMA_50, EMA_20_BEFORE, EMA_50_BEFORE, SIGNAL = range(2, 11)
GAIN_7, LOSS_7, GAIN_14, LOSS_14, GAIN_21, LOSS_21 = range(11, 17)
ATR_10, ATR_14, RISE_14, FALL_14, ADX_14, TRUE_RANGE = range(17, 23)
WARM_UPS: Final = 24
RINGS: Final = WARM_UPS + 66
RING: Final = 128
OPEN, HIGH, LOW, CLOSE, VOLUME, RETURN, TYPICAL, RSI = range(8)
STATE: Final = RINGS + 8 * 2 * RING

FIRST_RETURN, FIRST_TREND, FIRST_MOMENTUM, FIRST_DIRECTION, FIRST_RANGE = 0, 8, 18, 27, 30
FIRST_VOLUME, FIRST_CANDLE, FIRST_STREAK, FIRST_REGIME, FIRST_TIME = 45, 52, 56, 59, 62
DAY_MS, WEEK_MS, MONDAY_MS = 86_400_000.0, 604_800_000.0, 345_600_000.0  # the epoch was a Thursday


def new_state() -> FloatArray:
    """Return the state of a series that has seen no bar: (STATE,)."""
    state = np.zeros(STATE)
    state[WARM_UPS : WARM_UPS + COLUMNS] = [feature.warm_up for feature in FEATURES]
    return state


def rows_of(bars: FloatArray, state: FloatArray | None = None) -> FloatArray:
    """Return the feature rows (n, 66) of `bars` (n, 6), oldest first, and leave `state` after the last of them."""
    rows = np.empty((len(bars), COLUMNS))
    run(new_state() if state is None else state, np.ascontiguousarray(bars, dtype=np.float64), rows)
    return rows


@compiled
def run(state: FloatArray, bars: FloatArray, rows: FloatArray) -> None:
    """`step` through `bars` (n, 6), oldest first, writing `rows` (n, 66)."""
    for i in range(len(bars)):
        step(state, bars[i], rows[i])


@compiled
def step(state: FloatArray, bar: FloatArray, out: FloatArray) -> None:
    """Take one closed bar (6,) into `state` (STATE,) and write its features to `out` (66,)."""
    take(state, bar)
    returns(state, out[FIRST_RETURN:])
    trend(state, out[FIRST_TREND:])
    momentum(state, out[FIRST_MOMENTUM:])
    direction(state, out[FIRST_DIRECTION:])
    spread(state, out[FIRST_RANGE:])
    turbulence(state, out[FIRST_RANGE + 8 :])
    volume(state, out[FIRST_VOLUME:])
    candle(state, out[FIRST_CANDLE:])
    streaks(state, out[FIRST_STREAK:])
    regime(state, out[FIRST_REGIME:])
    season(bar[0], out[FIRST_TIME:])
    for i in range(len(out)):
        if state[SEEN] < state[WARM_UPS + i] or not math.isfinite(out[i]):
            out[i] = math.nan


@compiled
def newest(state: FloatArray, field: int, n: int) -> FloatArray:
    """The newest `n` (at most RING) values of a ring, oldest first."""
    end = RINGS + field * 2 * RING + int(state[PLACE]) + RING + 1
    return state[end - n : end]


@compiled
def put(state: FloatArray, field: int, value: float) -> None:
    start = RINGS + field * 2 * RING + int(state[PLACE])
    state[start] = value
    state[start + RING] = value


@compiled
def ratio(part: float, whole: float, nothing: float) -> float:
    return part / whole if whole != 0.0 else nothing


@compiled
def average(state: FloatArray, slot: int, value: float, weight: float) -> None:
    """Move an exponential average; the first value starts it."""
    state[slot] = value if state[SEEN] == 1.0 else state[slot] + weight * (value - state[slot])


@compiled
def take(state: FloatArray, bar: FloatArray) -> None:
    """Put the bar into the rings and move every average."""
    high, low, close = bar[2], bar[3], bar[4]
    before = newest(state, CLOSE, 1)[0] if state[SEEN] > 0 else close
    started = 1.0 if state[SEEN] > 0 else 0.0
    rise, fall = started * (high - newest(state, HIGH, 1)[0]), started * (newest(state, LOW, 1)[0] - low)
    state[SEEN] += 1
    state[PLACE] = state[SEEN] % RING
    for field in range(5):
        put(state, field, bar[1 + field])
    put(state, RETURN, math.log(close / before))
    put(state, TYPICAL, (high + low + close) / 3)
    state[EMA_20_BEFORE], state[EMA_50_BEFORE] = state[EMA_20], state[EMA_50]
    for slot, n in ((EMA_8, 8), (EMA_12, 12), (EMA_20, 20), (EMA_26, 26), (EMA_34, 34), (EMA_50, 50)):
        average(state, slot, close, 2.0 / (n + 1))
    average(state, SIGNAL, state[EMA_12] - state[EMA_26], 0.2)
    for slot, n in ((GAIN_7, 7), (GAIN_14, 14), (GAIN_21, 21)):
        average(state, slot, max(close - before, 0.0), 1.0 / n)
        average(state, slot + 1, max(before - close, 0.0), 1.0 / n)
    put(state, RSI, relative_strength(state, GAIN_14))
    state[TRUE_RANGE] = max(high, before) - min(low, before)
    average(state, ATR_10, state[TRUE_RANGE], 1.0 / 10)
    average(state, ATR_14, state[TRUE_RANGE], 1.0 / 14)
    average(state, RISE_14, rise if rise > fall and rise > 0 else 0.0, 1.0 / 14)
    average(state, FALL_14, fall if fall > rise and fall > 0 else 0.0, 1.0 / 14)
    both = state[RISE_14] + state[FALL_14]
    average(state, ADX_14, 100 * ratio(abs(state[RISE_14] - state[FALL_14]), both, 0.0), 1.0 / 14)


@compiled
def returns(state: FloatArray, out: FloatArray) -> None:
    close = newest(state, CLOSE, 97)
    for i, horizon in enumerate((1, 2, 4, 8, 16, 32, 64, 96)):
        out[i] = math.log(close[96] / close[96 - horizon])


@compiled
def trend(state: FloatArray, out: FloatArray) -> None:
    close, atr = newest(state, CLOSE, 1)[0], state[ATR_14]
    macd = state[EMA_12] - state[EMA_26]
    out[0] = ratio(close - state[EMA_8], atr, 0.0)
    out[1] = ratio(close - state[EMA_50], atr, 0.0)
    out[2] = ratio(state[EMA_8] - state[EMA_34], atr, 0.0)
    out[3] = close / mean(newest(state, CLOSE, 20)) - 1
    out[4] = close / mean(newest(state, CLOSE, 96)) - 1
    out[5] = ratio(state[EMA_20] - state[EMA_20_BEFORE], atr, 0.0)
    out[6] = ratio(state[EMA_50] - state[EMA_50_BEFORE], atr, 0.0)
    out[7] = macd / close
    out[8] = state[SIGNAL] / close
    out[9] = (macd - state[SIGNAL]) / close


@compiled
def momentum(state: FloatArray, out: FloatArray) -> None:
    for i, slot in enumerate((GAIN_7, GAIN_14, GAIN_21)):
        out[i] = relative_strength(state, slot)
    out[3] = stochastic(state, 0)
    out[4] = (stochastic(state, 2) + stochastic(state, 1) + stochastic(state, 0)) / 3
    typical = newest(state, TYPICAL, 20)
    middle, scatter = mean(typical), 0.0
    for value in typical:
        scatter += abs(value - middle)
    out[5] = ratio(typical[19] - middle, 0.015 * scatter / 20, 0.0)
    out[6] = 100 * (4 * pressure(state, 7) + 2 * pressure(state, 14) + pressure(state, 28)) / 7
    out[7] = 4.0 * (since_highest(-newest(state, LOW, 26)) - since_highest(newest(state, HIGH, 26)))
    rsi = newest(state, RSI, 14)
    out[8] = 100 * ratio(rsi[13] - rsi.min(), rsi.max() - rsi.min(), 0.5)


@compiled
def direction(state: FloatArray, out: FloatArray) -> None:
    out[0] = state[ADX_14]
    out[1] = 100 * ratio(state[RISE_14], state[ATR_14], 0.0)
    out[2] = 100 * ratio(state[FALL_14], state[ATR_14], 0.0)


@compiled
def spread(state: FloatArray, out: FloatArray) -> None:
    """How far price reaches, and where in that reach it is."""
    close, atr = newest(state, CLOSE, 1)[0], state[ATR_14]
    month = newest(state, CLOSE, 20)
    middle, sigma = mean(month), deviation(month, 0)
    top, bottom = newest(state, HIGH, 20).max(), newest(state, LOW, 20).min()
    day_top, day_bottom = newest(state, HIGH, 96).max(), newest(state, LOW, 96).min()
    out[0] = atr / close
    out[1] = ratio(state[TRUE_RANGE], atr, 0.0)
    out[2] = ratio(close - middle, 2 * sigma, 0.0)
    out[3] = 4 * sigma / middle
    out[4] = ratio(close - state[EMA_20], 2 * state[ATR_10], 0.0)
    out[5] = ratio(close - bottom, top - bottom, 0.5)
    out[6] = ratio(close - day_bottom, day_top - day_bottom, 0.5)
    out[7] = ratio(top - bottom, atr, 0.0)


@compiled
def turbulence(state: FloatArray, out: FloatArray) -> None:
    """How wildly price moves, by several estimators."""
    day = newest(state, RETURN, 96)
    out[0] = deviation(newest(state, RETURN, 8), 1)
    out[1] = deviation(newest(state, RETURN, 24), 1)
    out[2] = deviation(day, 1)
    opened, high, low = newest(state, OPEN, 24), newest(state, HIGH, 24), newest(state, LOW, 24)
    close, reach, body = newest(state, CLOSE, 24), 0.0, 0.0
    for i in range(24):
        reach += math.log(high[i] / low[i]) ** 2
        body += math.log(close[i] / opened[i]) ** 2
    ln2 = math.log(2.0)
    out[3] = math.sqrt(reach / 24 / (4 * ln2))
    out[4] = math.sqrt(max(0.5 * reach - (2 * ln2 - 1) * body, 0.0) / 24)
    out[5] = ratio(out[0], out[2], 1.0)
    middle, sigma, cubes = mean(day), deviation(day, 0), 0.0
    for value in day:
        cubes += (value - middle) ** 3
    out[6] = ratio(cubes / 96, sigma**3, 0.0)


@compiled
def volume(state: FloatArray, out: FloatArray) -> None:
    traded = newest(state, VOLUME, 96)
    out[0] = ratio(traded[95] - mean(traded[76:]), deviation(traded[76:], 0), 0.0)
    out[1] = ratio(traded[95] - mean(traded), deviation(traded, 0), 0.0)
    change, high, low = newest(state, RETURN, 96), newest(state, HIGH, 96), newest(state, LOW, 96)
    close, typical = newest(state, CLOSE, 96), newest(state, TYPICAL, 96)
    balance, inflow, total, up, down, value = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(76, 96):
        total += traded[i]
        balance += np.sign(change[i]) * traded[i]
        inflow += ratio(2 * close[i] - high[i] - low[i], high[i] - low[i], 0.0) * traded[i]
    for i in range(82, 96):
        up += typical[i] * traded[i] if typical[i] > typical[i - 1] else 0.0
        down += typical[i] * traded[i] if typical[i] < typical[i - 1] else 0.0
    for i in range(96):
        value += typical[i] * traded[i]
    out[2] = ratio(balance, total, 0.0)
    out[3] = 100 * ratio(up, up + down, 0.5)
    out[4] = ratio(close[95] - ratio(value, mean(traded) * 96, close[95]), state[ATR_14], 0.0)
    out[5] = ratio(inflow, total, 0.0)
    out[6] = correlation(change[76:], traded[76:])


@compiled
def candle(state: FloatArray, out: FloatArray) -> None:
    opened, close = newest(state, OPEN, 1)[0], newest(state, CLOSE, 1)[0]
    high, low = newest(state, HIGH, 1)[0], newest(state, LOW, 1)[0]
    out[0] = ratio(close - opened, high - low, 0.0)
    out[1] = ratio(high - max(opened, close), high - low, 0.0)
    out[2] = ratio(min(opened, close) - low, high - low, 0.0)
    out[3] = ratio(close - opened, state[ATR_14], 0.0)


@compiled
def streaks(state: FloatArray, out: FloatArray) -> None:
    change = newest(state, RETURN, 20)
    sign, length = np.sign(change[19]), 0
    while sign != 0 and length < 20 and np.sign(change[19 - length]) == sign:
        length += 1
    out[0] = sign * length
    out[1] = since_highest(newest(state, HIGH, 96))
    out[2] = since_highest(-newest(state, LOW, 96))


@compiled
def regime(state: FloatArray, out: FloatArray) -> None:
    for i, n in enumerate((16, 64)):
        close, way = newest(state, CLOSE, n + 1), 0.0
        for k in range(n):
            way += abs(close[k + 1] - close[k])
        out[i] = ratio(abs(close[n] - close[0]), way, 0.0)
    day = newest(state, RETURN, 96)
    out[2] = correlation(day[:95], day[1:])


@compiled
def season(opened: float, out: FloatArray) -> None:
    of_day, of_week = (opened % DAY_MS) / DAY_MS, ((opened - MONDAY_MS) % WEEK_MS) / WEEK_MS
    out[0], out[1] = math.sin(2 * math.pi * of_day), math.cos(2 * math.pi * of_day)
    out[2], out[3] = math.sin(2 * math.pi * of_week), math.cos(2 * math.pi * of_week)


@compiled
def mean(values: FloatArray) -> float:
    total = 0.0
    for value in values:
        total += value
    return total / len(values)


@compiled
def deviation(values: FloatArray, freedom: int) -> float:
    """Standard deviation: of a sample with `freedom` 1, of a population with 0; exactly 0 for equal values."""
    middle, squares = mean(values), 0.0
    for value in values:
        squares += (value - middle) ** 2
    if squares <= 1e-28 * middle * middle * len(values):  # what rounding of the mean leaves of nothing
        return 0.0
    return math.sqrt(squares / (len(values) - freedom))


@compiled
def correlation(left: FloatArray, right: FloatArray) -> float:
    a, b, both = mean(left), mean(right), 0.0
    for i in range(len(left)):
        both += (left[i] - a) * (right[i] - b)
    return ratio(both / len(left), deviation(left, 0) * deviation(right, 0), 0.0)


@compiled
def relative_strength(state: FloatArray, gain: int) -> float:
    """Wilder's RSI, 0..100; the average loss lies behind the average gain."""
    return 100 * ratio(state[gain], state[gain] + state[gain + 1], 0.5)


@compiled
def stochastic(state: FloatArray, ago: int) -> float:
    """Lane's fast %K over 14 bars, as it was `ago` bars ago."""
    high, low = newest(state, HIGH, 14 + ago)[:14].max(), newest(state, LOW, 14 + ago)[:14].min()
    return 100 * ratio(newest(state, CLOSE, 1 + ago)[0] - low, high - low, 0.5)


@compiled
def pressure(state: FloatArray, n: int) -> float:
    """Buying pressure as a share of true range over `n` bars (Williams)."""
    high, low, close = newest(state, HIGH, n), newest(state, LOW, n), newest(state, CLOSE, n + 1)
    buying, reach = 0.0, 0.0
    for i in range(n):
        floor = min(low[i], close[i])
        buying += close[i + 1] - floor
        reach += max(high[i], close[i]) - floor
    return ratio(buying, reach, 0.5)


@compiled
def since_highest(values: FloatArray) -> int:
    """Bars since the highest value; the latest of equals."""
    best = 0
    for i in range(len(values)):
        if values[i] >= values[best]:
            best = i
    return len(values) - 1 - best
