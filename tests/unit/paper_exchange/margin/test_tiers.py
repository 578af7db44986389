from decimal import Decimal as D

import pytest

from libs.common.units import Fraction
from services.paper_exchange.core.margin.tiers import RiskTier, kept, max_leverage_for, tier_of, tiers
from tests.support.scripted_market import instrument


def ladder(max_leverage: str) -> tuple[RiskTier, ...]:
    return tiers(instrument(max_leverage=Fraction(D(max_leverage))))


def test_a_major_has_the_venue_s_own_deductions() -> None:
    published = "0 1200 3020 4300 5820 8460 15460 20500 46000 66000 80000 160000 300000 452000 502000 777000 837000"
    assert [t.deduction for t in ladder("100")] == [D(n) for n in [*published.split(), "967000", "1107000", "1482000"]]


def test_the_first_tier_of_a_major_is_two_million_at_a_hundred_times() -> None:
    first, second = ladder("100")[:2]
    assert (first.number, first.limit) == (1, D(2_000_000))
    assert (first.max_leverage, first.maintenance_rate, first.initial_rate) == (D(100), D("0.005"), D("0.01"))
    assert (second.max_leverage, second.maintenance_rate, second.initial_rate) == (D(90), D("0.0056"), D("0.0111"))


@pytest.mark.parametrize(
    ("max_leverage", "initial", "maintenance"),
    [("50", "0.02", "0.01"), ("25", "0.04", "0.02"), ("12.5", "0.08", "0.04")],
)
def test_a_first_tier_keeps_half_of_what_it_asks_for(max_leverage: str, initial: str, maintenance: str) -> None:
    first = ladder(max_leverage)[0]
    assert (first.initial_rate, first.maintenance_rate, first.limit) == (D(initial), D(maintenance), D(200_000))


def test_a_limit_still_belongs_to_its_tier() -> None:
    major = ladder("100")
    assert tier_of(major, D(2_000_000)).number == 1
    assert tier_of(major, D("2000000.01")).number == 2
    assert tier_of(major, D(10**12)).number == 20


def test_leverage_falls_with_the_value_and_ends_with_the_last_tier() -> None:
    major = ladder("100")
    assert [max_leverage_for(major, D(v)) for v in (0, 2_000_000, 9_000_000, 80_000_000)] == [100, 100, 45, 14]
    assert max_leverage_for(major, D(80_000_001)) == 0


def test_maintenance_margin_is_the_rate_less_the_deduction() -> None:
    major = ladder("100")
    assert kept(major, D(1_000_000)) == 5_000
    assert kept(major, D(3_000_000)) == D(3_000_000) * D("0.0063") - 3_020


def test_a_contract_of_little_leverage_has_no_tier_below_one_time() -> None:
    assert [tier.max_leverage for tier in ladder("2")] == [D(n) / 10 for n in (20, 18, 16, 15, 14, 13, 11, 10)]
    assert [tier.max_leverage for tier in ladder("1")] == [1]
