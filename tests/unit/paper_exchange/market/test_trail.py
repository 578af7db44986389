import numpy as np
import pytest

from libs.common.units import HOUR_MS, MINUTE_MS
from services.paper_exchange.core.market.columns import Ohlcv
from services.paper_exchange.core.market.dice import throw
from services.paper_exchange.core.market.trail import Beat, Trail, ticks_in, trail
from tests.support.columns import columns

RISING = Ohlcv(open=100, high=150, low=90, close=140, volume=700)


def walked(candle: Ohlcv, interval_ms: int = 5 * MINUTE_MS, *, beat: Beat = Beat.CANDLE, count: int = 1) -> Trail:
    dice = throw(1, np.arange(count, dtype=np.int64), ticks_in(interval_ms, beat))
    return trail(columns(*[candle] * count), interval_ms, beat, dice)


def test_a_trail_begins_at_the_open_and_ends_at_the_close() -> None:
    way = walked(RISING)

    assert (way.prices[0, 0], way.prices[0, -1]) == (100, 140)
    assert (way.offsets[0, 0], way.offsets[0, -1]) == (1, 5 * MINUTE_MS - 1)


@pytest.mark.parametrize("beat", Beat)
def test_both_extremes_are_touched_and_none_is_passed(beat: Beat) -> None:
    way = walked(RISING, beat=beat, count=100)

    assert set(way.prices.max(axis=1)) == {150}
    assert set(way.prices.min(axis=1)) == {90}


def test_some_candles_see_the_high_first_and_some_the_low() -> None:
    prices = walked(RISING, count=200).prices

    high_first = (prices.argmax(axis=1) < prices.argmin(axis=1)).sum()
    assert 60 < high_first < 140


def test_what_is_traded_adds_up_and_at_the_mean_price_of_the_candle() -> None:
    way = walked(RISING._replace(volume=10**7), HOUR_MS, count=50)

    assert set(way.volumes.sum(axis=1)) == {10**7}
    assert (way.volumes >= 0).all()
    assert np.allclose((way.volumes * way.prices).sum(axis=1) / 10**7, (100 + 150 + 90 + 140) / 4, rtol=1e-4)


def test_a_candle_that_does_not_move_stands_still_and_trades_nothing_if_nothing_was_traded() -> None:
    way = walked(Ohlcv(5, 5, 5, 5, 0))

    assert (set(way.prices.ravel().tolist()), set(way.volumes.ravel().tolist())) == ({5}, {0})


@pytest.mark.parametrize(
    ("minutes", "beat", "count"),
    [
        (1, Beat.CANDLE, 7),
        (5, Beat.CANDLE, 7),
        (15, Beat.CANDLE, 17),
        (25, Beat.CANDLE, 27),
        (60, Beat.CANDLE, 62),
        (1, Beat.SECOND, 62),
        (15, Beat.SECOND, 902),
    ],
)
def test_a_slow_candle_ticks_once_a_minute_and_a_fast_one_every_second(minutes: int, beat: Beat, count: int) -> None:
    assert ticks_in(minutes * MINUTE_MS, beat) == count == walked(RISING, minutes * MINUTE_MS, beat=beat).prices.size


@pytest.mark.parametrize("beat", Beat)
def test_every_minute_has_a_tick(beat: Beat) -> None:
    way = walked(RISING, 25 * MINUTE_MS, beat=beat, count=20)

    for offsets in way.offsets.tolist():
        assert {offset // MINUTE_MS for offset in offsets} == set(range(25))


def test_at_the_fast_beat_the_price_moves_in_most_seconds_but_never_leaps() -> None:
    prices = walked(Ohlcv(100_000, 101_000, 99_500, 100_700, 10**6), 15 * MINUTE_MS, beat=Beat.SECOND).prices[0]

    steps = np.abs(np.diff(prices))
    assert (steps > 0).mean() > 0.8
    assert steps.max() < 150
