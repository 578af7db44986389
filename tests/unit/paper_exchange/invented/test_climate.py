from itertools import pairwise

import numpy as np

from services.paper_exchange.core.invented.climate import BARS, CommonDay, GroupDay, next_common, next_group, stir
from services.paper_exchange.core.invented.troupe import GROUP_SIZE, cast_of, roles


def days(count: int, seed: int = 7) -> list[CommonDay]:
    told: list[CommonDay] = []
    for number in range(count):
        told.append(next_common(seed, number, told[-1] if told else None))
    return told


def group_days(count: int, seed: int = 7) -> list[GroupDay]:
    cast, told = cast_of(seed, 0, roles(GROUP_SIZE)), list[GroupDay]()
    for number, common in enumerate(days(count, seed)):
        told.append(next_group(seed, number, cast, common, told[-1] if told else None))
    return told


YEARS = days(2_000)
GROUP_YEARS = group_days(2_000)


def test_all_four_regimes_come_and_stay_for_a_while() -> None:
    regimes = [day.regime for day in YEARS]

    changes = sum(a != b for a, b in pairwise(regimes))
    assert set(regimes) == {0, 1, 2, 3}
    assert changes < len(regimes) / 5


def test_a_storm_is_wilder_than_the_calm() -> None:
    sigma = {regime: np.mean([day.sigma for day in YEARS if day.regime == regime]) for regime in (0, 3)}

    assert sigma[3] > 1.5 * sigma[0]


def test_a_day_is_a_function_of_seed_number_and_the_day_before() -> None:
    again = next_common(7, 500, YEARS[499])

    assert (again.market, again.sigma, again.jump) == (YEARS[500].market, YEARS[500].sigma, YEARS[500].jump)
    assert next_common(8, 500, YEARS[499]).market != again.market


def test_a_day_begins_as_nervous_as_the_day_before_ended() -> None:
    assert all(later.dawn == earlier.dusk for earlier, later in pairwise(YEARS))
    assert all(np.array_equal(later.dawn, earlier.dusk) for earlier, later in pairwise(GROUP_YEARS[:20]))


def test_weekends_are_quieter() -> None:
    weekend = [np.log(day.sigma) for number, day in enumerate(YEARS) if (number + 2) % 7 >= 5]
    week = [np.log(day.sigma) for number, day in enumerate(YEARS) if (number + 2) % 7 < 5]

    assert 0.65 < np.exp(np.mean(weekend) - np.mean(week)) < 0.9


def test_a_crash_is_rare_falls_and_leaves_a_storm() -> None:
    crashes = [day for day in YEARS if day.wick]

    assert 1 <= len(crashes) <= 15
    assert all(day.jump < 0 and day.regime == 3 for day in crashes)


def test_the_news_stir_only_what_comes_after_them() -> None:
    stirred = stir(np.array([0.01, 0.0, -0.02]), np.array([100, 100, BARS - 1]))

    assert not stirred[0, :100].any()
    assert np.all(np.diff(stirred[0, 100:]) < 0)
    assert not stirred[1].any()
    assert np.count_nonzero(stirred[2]) == 1


def test_a_days_close_is_the_days_before_and_all_that_moved_it() -> None:
    cast = cast_of(7, 0, roles(GROUP_SIZE))
    common = YEARS[:2]
    first = next_group(7, 0, cast, common[0], None)
    second = next_group(7, 1, cast, common[1], first)

    shared = cast.beta * (common[1].market + common[1].jump) + common[1].sectors[cast.sector]
    assert np.allclose(second.close, first.close + shared + second.own + second.jump + second.pull)


def test_a_day_says_nothing_of_the_next_ones_direction() -> None:
    closes = np.array([day.close for day in GROUP_YEARS])
    moves = np.diff(closes, axis=0)

    signs = np.sign(moves - moves.mean(axis=0))
    assert abs(np.mean(signs[1:] * signs[:-1])) < 0.05


def test_the_way_back_is_too_weak_to_be_traded_and_strong_enough_for_ticks() -> None:
    cast = cast_of(7, 0, roles(GROUP_SIZE))
    pulls = np.array([day.pull for day in GROUP_YEARS])
    sigmas = np.array([day.sigma for day in GROUP_YEARS])

    assert np.median(np.abs(pulls) / sigmas) < 0.06
    assert np.all(np.abs(GROUP_YEARS[-1].close - cast.anchor) < 7)
