from decimal import Decimal as D

import pytest

from libs.common.units import Fraction, Side
from services.trailing.core.ratchet import better, gain, ratchet, trailing_distance
from services.trailing.core.rules import Rules
from tests.support.positions import price_of

RULES = Rules(Fraction(D(1)), Fraction(D(2)), Fraction(D("0.02")), Fraction(D("0.0005")), 48)


@pytest.mark.parametrize(
    ("side", "floor", "best", "expected"),
    [
        (Side.LONG, "98", "110", "106"),
        (Side.LONG, None, "110", "106"),
        (Side.LONG, "106", "110", None),  # the same stop is not asked for again
        (Side.LONG, "107", "110", None),  # a looser one never
        (Side.LONG, "105.96", "110", None),  # 0.04 is less than the least move
        (Side.LONG, "105.95", "110", "106"),
        (Side.LONG, None, "4", None),  # a stop at zero protects nothing
        (Side.SHORT, "102", "90", "94"),
        (Side.SHORT, "94", "90", None),
        (Side.SHORT, "93", "90", None),
        (Side.SHORT, "94.04", "90", None),
        (Side.SHORT, "94.05", "90", "94"),
    ],
)
def test_a_stop_follows_the_best_price_only_where_that_tightens_it(
    side: Side, floor: str | None, best: str, expected: str | None
) -> None:
    known = None if floor is None else price_of(floor)
    stop = ratchet(side, floor=known, best=price_of(best), distance=D(4), least=D("0.05"))
    assert stop == (None if expected is None else price_of(expected))


def test_an_equal_stop_is_not_a_move_even_when_any_move_is_enough() -> None:
    assert ratchet(Side.LONG, floor=price_of(106), best=price_of(110), distance=D(4), least=D(0)) is None


def test_the_better_price_is_the_higher_for_a_long_and_the_lower_for_a_short() -> None:
    assert better(Side.LONG, price_of(1), price_of(2)) == 2
    assert better(Side.SHORT, price_of(1), price_of(2)) == 1


def test_a_gain_is_counted_in_the_direction_of_the_position() -> None:
    assert gain(Side.LONG, price_of(103), price_of(100)) == 3
    assert gain(Side.SHORT, price_of(103), price_of(100)) == -3


def test_the_distance_is_in_atr_where_there_is_one_and_a_fraction_of_price_elsewhere() -> None:
    assert trailing_distance(price_of(200), price_of("1.5"), RULES) == D("3.0")
    assert trailing_distance(price_of(200), None, RULES) == D("4.00")
