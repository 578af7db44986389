from decimal import Decimal as D

import pytest

from libs.common.units import Fraction, Price, Qty, Side, Usd
from services.paper_exchange.core.margin.liquidation import cross_liquidation, is_beyond, isolated_liquidation
from services.paper_exchange.core.margin.margin import Stake, maintenance_margin, unrealised
from services.paper_exchange.core.margin.tiers import tiers
from tests.support.scripted_market import instrument

TAKER = D("0.00055")
MAJOR = tiers(instrument(max_leverage=Fraction(D(100))))


def stake(side: Side, size: str, entry: str, leverage: str) -> Stake:
    return Stake(side, Qty(D(size)), Usd(D(size) * D(entry)), Fraction(D(leverage)), MAJOR)


def near(price: Price | None, expected: str) -> bool:
    return price is not None and abs(price - D(expected)) < D("1e-6")


@pytest.mark.parametrize(
    ("side", "leverage", "price"),
    [
        (Side.LONG, "50", "19698.492462"),  # 19600 / 0.995
        (Side.SHORT, "50", "20298.507463"),  # 20400 / 1.005
        (Side.LONG, "10", "18090.452261"),  # 18000 / 0.995
        (Side.SHORT, "1", "39800.995025"),  # 40000 / 1.005
    ],
)
def test_an_isolated_position_is_taken_over_where_its_margin_is_what_it_must_keep(
    side: Side, leverage: str, price: str
) -> None:
    assert near(isolated_liquidation(stake(side, "1", "20000", leverage)), price)


def test_a_long_without_debt_is_never_taken_over() -> None:
    assert isolated_liquidation(stake(Side.LONG, "1", "20000", "1")) is None


@pytest.mark.parametrize(
    ("held", "price"),
    [
        (stake(Side.LONG, "100", "25000", "20"), "23871.681416"),  # tier 2 all the way: (2375000 - 1200) / 99.44
        (stake(Side.LONG, "100", "21000", "10"), "18994.974874"),  # tier 2 at entry, 1 there: 1890000 / 99.5
        (stake(Side.SHORT, "100", "19500", "10"), "21342.482100"),  # tier 1 at entry, 2 there: 2146200 / 100.56
    ],
)
def test_the_tier_is_the_one_at_the_liquidation_price(held: Stake, price: str) -> None:
    assert near(isolated_liquidation(held), price)


def test_on_a_border_of_tiers_either_gives_the_price() -> None:
    """Worth 2,000,000 exactly where its margin is 10,000."""
    held = Stake(Side.SHORT, Qty(D(3)), Usd(D(2_010_000) / D("1.1")), Fraction(D(10)), MAJOR)
    price = isolated_liquidation(held)
    assert price is not None
    assert abs(price * 3 - 2_000_000) < D("1e-18")


CROSS_LONG = stake(Side.LONG, "1", "20000", "10")
CROSS_SHORT = stake(Side.SHORT, "1", "20000", "10")


@pytest.mark.parametrize(
    ("held", "price"),
    [
        (CROSS_LONG, "19105.427136"),  # (20000 - 1000 + 9.9) / 0.995
        (CROSS_SHORT, "20883.482587"),  # (20000 + 1000 - 12.1) / 1.005
    ],
)
def test_in_cross_mode_the_whole_account_stands_behind_a_position(held: Stake, price: str) -> None:
    assert near(cross_liquidation(held.side, [held], Usd(D(1_000)), TAKER), price)


def test_both_legs_of_a_hedge_move_with_the_mark() -> None:
    legs = [stake(Side.LONG, "2", "20000", "10"), stake(Side.SHORT, "1", "20500", "10")]
    assert near(cross_liquidation(Side.LONG, legs, Usd(D(1_000)), TAKER), "18814.418782")
    assert cross_liquidation(Side.SHORT, legs, Usd(D(1_000)), TAKER) is None  # a rising mark does it good


def test_a_full_hedge_fails_only_when_its_own_value_asks_for_too_much() -> None:
    legs = [CROSS_LONG, stake(Side.SHORT, "1", "20500", "10")]
    assert cross_liquidation(Side.LONG, legs, Usd(D(1_000)), TAKER) is None
    assert near(cross_liquidation(Side.SHORT, legs, Usd(D(1_000)), TAKER), "147769.75")


def test_an_account_with_enough_for_any_price_has_no_liquidation_price() -> None:
    assert cross_liquidation(Side.LONG, [CROSS_LONG], Usd(D(25_000)), TAKER) is None


def test_at_the_cross_price_the_account_has_what_it_must_keep() -> None:
    price = cross_liquidation(Side.LONG, [CROSS_LONG], Usd(D(1_000)), TAKER)
    assert price is not None
    assert abs(1_000 + unrealised(CROSS_LONG, price) - maintenance_margin(CROSS_LONG, price, TAKER)) < D("1e-18")


@pytest.mark.parametrize(("side", "beyond"), [(Side.LONG, [True, True, False]), (Side.SHORT, [False, True, True])])
def test_a_mark_at_the_price_is_beyond_it(side: Side, beyond: list[bool]) -> None:
    limit = Price(D(100))
    assert [is_beyond(side, Price(D(mark)), limit) for mark in (99, 100, 101)] == beyond
    assert not is_beyond(side, limit, None)
