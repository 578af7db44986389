import numpy as np

from services.paper_exchange.core.climate import CommonDay, GroupDay, next_common, next_group
from services.paper_exchange.core.troupe import GROUP_SIZE, cast_of, roles


def days(count: int, seed: int = 7) -> list[CommonDay]:
    told: list[CommonDay] = []
    for number in range(count):
        told.append(next_common(seed, number, told[-1] if told else None))
    return told


def test_all_four_regimes_come_and_stay_for_a_while() -> None:
    regimes = [day.regime for day in days(1_000)]

    changes = sum(a != b for a, b in zip(regimes[1:], regimes[:-1], strict=True))
    assert set(regimes) == {0, 1, 2, 3}
    assert changes < 300


def test_a_storm_is_wilder_than_the_calm() -> None:
    sigma = {regime: np.mean([day.sigma for day in days(1_000) if day.regime == regime]) for regime in (0, 3)}

    assert sigma[3] > 2 * sigma[0]


def test_a_days_close_is_the_days_before_and_all_that_moved_it() -> None:
    cast = cast_of(7, 0, roles(GROUP_SIZE))
    common = days(2)
    first = next_group(7, 0, cast, common[0], None)
    second: GroupDay = next_group(7, 1, cast, common[1], first)

    shared = cast.beta * (common[1].market + common[1].jump) + common[1].sectors[cast.sector]
    assert np.allclose(second.close, first.close + shared + second.own + second.jump + second.pull)


def test_prices_are_pulled_back_to_where_they_began() -> None:
    cast = cast_of(7, 0, roles(GROUP_SIZE))
    common = days(2_000)
    day: GroupDay | None = None
    for number, shared in enumerate(common):
        day = next_group(7, number, cast, shared, day)

    assert day is not None
    assert np.all(np.abs(day.close - cast.anchor) < 4)
