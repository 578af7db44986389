import numpy as np

from libs.common.units import Instant, Timeframe
from services.predictor.core.feature_table import WARM_UP
from services.predictor.core.series import Arrival, Series, bars_of, series_of
from tests.support.candles import candles, walk

M15 = Timeframe.M15
CANDLES = candles("BTCUSDT", M15, walk(WARM_UP + 10))


def test_a_series_stepped_live_is_the_series_rebuilt_from_the_store() -> None:
    live = series_of(M15, CANDLES[:-3])
    for candle in CANDLES[-3:]:
        assert live.arrival(candle.open_at) is Arrival.NEXT
        live.take(candle)
    rebuilt = series_of(M15, CANDLES)
    assert live.state.tobytes() == rebuilt.state.tobytes()
    assert live.row.tobytes() == rebuilt.row.tobytes()
    assert (live.close_at, live.close) == (rebuilt.close_at, rebuilt.close) == (CANDLES[-1].close_at, CANDLES[-1].close)


def test_an_old_candle_and_a_hole_are_told_apart_before_they_enter() -> None:
    series = series_of(M15, CANDLES[:-3])
    assert series.arrival(CANDLES[-4].open_at) is Arrival.OLD
    assert series.arrival(CANDLES[-2].open_at) is Arrival.AHEAD
    assert Series(M15).arrival(CANDLES[0].open_at) is Arrival.AHEAD


def test_a_series_is_warm_once_every_feature_can_be_believed() -> None:
    assert not series_of(M15, CANDLES[: WARM_UP - 1]).warm
    assert series_of(M15, CANDLES[:WARM_UP]).warm
    assert series_of(M15, []).bars == 0


def test_after_a_candle_that_cannot_be_had_the_next_one_follows_on() -> None:
    series = series_of(M15, CANDLES[:-2])
    series.pass_over(CANDLES[-2].close_at)
    assert series.arrival(CANDLES[-1].open_at) is Arrival.NEXT
    series.pass_over(Instant(0))
    assert series.close_at == CANDLES[-2].close_at


def test_bars_are_the_numbers_of_the_candles() -> None:
    np.testing.assert_allclose(bars_of(CANDLES), walk(WARM_UP + 10), atol=1e-5)
    assert bars_of([]).shape == (0, 6)
