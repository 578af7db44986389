from dataclasses import replace

import numpy as np
import pytest

from services.paper_exchange.core.invented.climate import BARS, CommonDay, GroupDay, next_common, next_group
from services.paper_exchange.core.invented.troupe import GROUP_SIZE, cast_of, roles
from services.paper_exchange.core.invented.weaving import Woven, shared_bars, weave

CAST = cast_of(7, 0, roles(GROUP_SIZE))
COMMON = next_common(7, 0, None)
DAY = next_group(7, 0, CAST, COMMON, None)


@pytest.fixture(scope="module")
def woven() -> Woven:
    return weave(7, 0, CAST, shared_bars(7, 0, COMMON), DAY, CAST.anchor)


@pytest.fixture(scope="module")
def weeks() -> list[Woven]:
    """Sixty days, the first thirty of which are not looked at."""
    common: CommonDay | None = None
    day: GroupDay | None = None
    opened, told = CAST.anchor, []
    for number in range(90):
        common = next_common(7, number, common)
        day = next_group(7, number, CAST, common, day)
        if number >= 30:
            told.append(weave(7, number, CAST, shared_bars(7, number, common), day, opened))
        opened = day.close
    return told


def log_ranges(weeks: list[Woven]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    ranges: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = np.concatenate(
        [np.log(np.log(day.high / day.low)) for day in weeks], axis=1
    )
    return ranges


def lagged(rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]], lag: int) -> float:
    return float(np.mean([np.corrcoef(row[lag:], row[:-lag])[0, 1] for row in rows]))


def test_the_candles_of_a_day_lead_from_its_open_to_its_close(woven: Woven) -> None:
    assert woven.open.shape == (GROUP_SIZE, BARS)
    assert np.allclose(np.log(woven.open[:, 0]), CAST.anchor)
    assert np.array_equal(woven.close[:, -1], np.exp(DAY.close))


def test_the_last_step_of_a_day_is_no_larger_than_the_others(woven: Woven) -> None:
    steps = np.abs(np.diff(np.log(woven.close), axis=1))

    assert np.median(steps[:, -1]) < 5 * np.median(steps)


def test_a_candle_opens_where_the_one_before_closed_and_holds_its_body(woven: Woven) -> None:
    assert np.array_equal(woven.open[:, 1:], woven.close[:, :-1])
    assert np.all(woven.high >= np.maximum(woven.open, woven.close))
    assert np.all(woven.low <= np.minimum(woven.open, woven.close))


def test_what_sectors_and_market_do_adds_up_to_the_day() -> None:
    shared = shared_bars(7, 0, COMMON)

    assert np.isclose(shared.market.sum(), COMMON.market + COMMON.jump)
    assert np.allclose(shared.sectors.sum(axis=1), COMMON.sectors)
    assert np.isclose(shared.variance.sum(), COMMON.sigma**2)


def test_wider_candles_trade_more(weeks: list[Woven]) -> None:
    ranges = log_ranges(weeks)
    turnover = np.log(np.concatenate([day.turnover for day in weeks], axis=1))

    slopes = [np.polyfit(x, y, 1)[0] for x, y in zip(ranges, turnover, strict=True)]
    assert 0.8 < np.median(slopes) < 1.5


def test_calm_and_storm_last_from_minutes_to_days(weeks: list[Woven]) -> None:
    ranges = log_ranges(weeks)

    assert 0.5 < lagged(ranges, 1) < 0.8
    assert 0.35 < lagged(ranges, 12) < 0.65
    assert 0.1 < lagged(ranges, BARS) < 0.5


def test_midnight_does_not_cut_a_cluster(weeks: list[Woven]) -> None:
    ranges = [np.log(np.log(day.high / day.low)) for day in weeks]
    before, after = (np.array([day[:, edge].mean(axis=1) for day in ranges]) for edge in (slice(-6, None), slice(0, 6)))

    assert np.corrcoef((before - before.mean(0))[:-1].ravel(), (after - after.mean(0))[1:].ravel())[0, 1] > 0.4


def test_directions_do_not_tell_of_the_next_ones(weeks: list[Woven]) -> None:
    moves = np.concatenate([np.log(day.close / day.open) for day in weeks], axis=1)
    bounded = np.clip(moves, *np.quantile(moves, (0.001, 0.999)))

    assert all(abs(lagged(bounded, lag)) < 0.03 for lag in (1, 2, 3, 12))


def test_wicks_are_as_long_as_those_of_recorded_candles(weeks: list[Woven]) -> None:
    body = np.concatenate([np.abs(np.log(day.close / day.open)) for day in weeks], axis=1)
    whole = np.exp(log_ranges(weeks))

    assert 1.8 < np.median(whole.mean(axis=1) / body.mean(axis=1)) < 2.2
    assert 0.45 < np.median((whole - body).sum(axis=1) / whole.sum(axis=1)) < 0.55


def test_new_york_wakes_the_market(weeks: list[Woven]) -> None:
    hours = np.exp(log_ranges(weeks)).reshape(GROUP_SIZE, -1, 24, BARS // 24).mean(axis=(0, 1, 3))

    assert 12 <= hours.argmax() <= 17
    assert hours.max() > 1.3 * hours.min()


def test_in_a_crash_every_symbol_is_far_below_its_body_for_a_moment() -> None:
    crash = replace(COMMON, jump=-0.08, jump_bar=100, wick=0.2)
    day = next_group(7, 0, CAST, crash, None)

    woven = weave(7, 0, CAST, shared_bars(7, 0, crash), day, CAST.anchor)

    wick = np.log(np.minimum(woven.open, woven.close) / woven.low)
    assert np.all(wick[:, 100] > 0.01)
    assert np.median(wick[:, 100]) > 0.08
    assert np.median(woven.turnover[:, 100] / np.median(woven.turnover, axis=1)) > 5
