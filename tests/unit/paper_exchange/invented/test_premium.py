from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest

from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant
from services.paper_exchange.adapters.markets.synthetic import synthetic_market
from services.paper_exchange.core.invented.climate import next_common, next_group
from services.paper_exchange.core.invented.premium import SETTLEMENTS, Crowded, leanings, rate_of
from services.paper_exchange.core.invented.troupe import GROUP_SIZE, cast_of, roles
from services.paper_exchange.core.market.columns import Columns, columns_of
from services.paper_exchange.core.market.schedule import BASE_RATE, FUNDING_INTERVAL_MS
from services.paper_exchange.core.market.tape import Recorded

HOURS_KEPT = 120
FLAT = np.full(HOURS_KEPT, 10_000, np.int64)


def tape(closes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Recorded:
    columns: Columns = columns_of(closes, closes, closes, closes, np.ones_like(closes))
    return Recorded(Instant(0), HOUR_MS, columns)


def crowded(
    closes: np.ndarray[tuple[int], np.dtype[np.int64]], lean: Callable[[int], float] = lambda _: -0.0006
) -> Crowded:
    return Crowded(tape(closes), 0.04, lean)


@pytest.mark.parametrize(
    ("premium", "rate"),
    [
        (-0.0004, "0.0001"),
        (0.0006, "0.0001"),
        (0.0, "0.0001"),
        (-0.00045, "0.00005"),
        (-0.0006, "-0.0001"),
        (0.0010, "0.0005"),
        (-1.0, "-0.005"),
    ],
)
def test_a_premium_within_half_a_per_mille_of_the_interest_is_forgiven(premium: float, rate: str) -> None:
    assert rate_of(premium) == Decimal(rate)


def test_settlements_are_every_eight_hours_from_the_first_candle_on() -> None:
    times = [at for at, _ in crowded(FLAT).between(-1, 24 * HOUR_MS)]

    assert times == [8 * HOUR_MS, 16 * HOUR_MS, 24 * HOUR_MS]


def test_a_rise_makes_longs_pay_more_and_a_fall_less() -> None:
    at = 96 * HOUR_MS
    up, down = (crowded(FLAT + step * np.arange(HOURS_KEPT)) for step in (10, -10))

    assert up.rate(at) > crowded(FLAT).rate(at) > down.rate(at)


def test_every_settlement_leans_its_own_way() -> None:
    rates = [rate for _, rate in crowded(FLAT, lambda number: -0.0005 - number * 1e-5).between(0, 32 * HOUR_MS)]

    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == 4


def test_what_settles_is_what_was_shown_when_the_last_candle_had_closed() -> None:
    closes = FLAT + np.random.default_rng(1).integers(-200, 200, HOURS_KEPT)
    funding, at = crowded(closes), 80 * HOUR_MS

    ((when, rate),) = funding.between(at - 1, at)

    assert when == at
    assert funding.rate(at - 1) != rate
    assert crowded(closes[:80]).between(at - 1, at) == ((at, rate),)


def test_nothing_after_now_enters_a_rate() -> None:
    closes = FLAT + np.random.default_rng(2).integers(-200, 200, HOURS_KEPT)
    changed = np.concatenate((closes[:50], closes[50:] * 2))

    for now in (0, 5 * MINUTE_MS, 49 * HOUR_MS, 51 * HOUR_MS - 1):
        assert crowded(closes).rate(now) == crowded(changed).rate(now)


def test_leanings_are_most_of_the_time_small_and_differ_between_symbols() -> None:
    cast = cast_of(7, 0, roles(GROUP_SIZE))
    common, day, rates = None, None, []
    for number in range(200):
        common = next_common(7, number, common)
        day = next_group(7, number, cast, common, day)
        rates.append([[rate_of(one) for one in row] for row in leanings(7, number, cast, common, day).tolist()])

    told = np.array(rates, dtype=float).reshape(200 * SETTLEMENTS, GROUP_SIZE)
    assert FUNDING_INTERVAL_MS * SETTLEMENTS == 24 * HOUR_MS
    assert 0.15 < (told == float(BASE_RATE)).mean() < 0.55
    assert 0.15 < (told < 0).mean() < 0.5
    assert np.std(told.mean(axis=0)) > 0.00001


def test_the_same_settlements_come_later_when_a_world_is_dated_later() -> None:
    market = synthetic_market(seed=7, symbols=1, start=None, end=None)
    later = market.later(3 * DAY_MS, start=Instant(market.start + 3 * DAY_MS), end=None)
    now, then = market.start, Instant(market.start + 3 * DAY_MS)
    before = market.settlements(now, Instant(now + DAY_MS))
    after = later.settlements(then, Instant(then + DAY_MS))
    assert [(each.at + 3 * DAY_MS, each.rate) for each in before] == [(each.at, each.rate) for each in after]
    assert later.next_settlement(before[0].symbol, then) == market.next_settlement(before[0].symbol, now) + 3 * DAY_MS
