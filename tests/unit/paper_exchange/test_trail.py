import pytest

from libs.common.units import HOUR_MS, MINUTE_MS
from services.paper_exchange.core.trail import Ohlcv, ticks_in, trail

RISING = Ohlcv(open=100, high=150, low=90, close=140, volume=7)


def test_a_trail_begins_at_the_open_and_ends_at_the_close() -> None:
    walked = trail(RISING, 5 * MINUTE_MS, b"cause")

    assert (walked.prices[0], walked.prices[-1]) == (100, 140)
    assert (walked.offsets[0], walked.offsets[-1]) == (1, 5 * MINUTE_MS - 1)


def test_both_extremes_are_touched_and_none_is_passed() -> None:
    walked = trail(RISING, 5 * MINUTE_MS, b"cause")

    assert (max(walked.prices), min(walked.prices)) == (150, 90)


def test_some_causes_see_the_high_first_and_some_the_low() -> None:
    trails = [trail(RISING, MINUTE_MS, bytes([cause])).prices for cause in range(50)]

    high_first = [prices.index(150) < prices.index(90) for prices in trails]
    assert 10 < sum(high_first) < 40


def test_a_candle_that_does_not_move_has_two_ticks_of_one_price() -> None:
    assert trail(Ohlcv(5, 5, 5, 5, 0), MINUTE_MS, b"").prices == (5, 5)


@pytest.mark.parametrize(("interval_ms", "count"), [(MINUTE_MS, 7), (5 * MINUTE_MS, 10), (HOUR_MS, 25)])
def test_longer_candles_have_more_ticks_but_not_many(interval_ms: int, count: int) -> None:
    assert ticks_in(interval_ms) == count == len(trail(RISING, interval_ms, b"").prices)
