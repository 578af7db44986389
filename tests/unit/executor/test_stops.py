from decimal import Decimal

import pytest

from libs.common.units import Price, Side
from services.executor.core.stops import is_tighter, on_tick, protective, tighter, tightest, would_trigger

LONG, SHORT = Side.LONG, Side.SHORT


def p(text: str) -> Price:
    return Price(Decimal(text))


@pytest.mark.parametrize(
    ("side", "wanted", "current", "result"),
    [
        (LONG, "101", "100", "101"),
        (LONG, "99", "100", None),
        (LONG, "100", "100", None),
        (SHORT, "99", "100", "99"),
        (SHORT, "101", "100", None),
        (LONG, "100.01", "100", "100.1"),  # rounded to the side of the smaller loss
        (SHORT, "99.99", "100", "99.9"),
    ],
)
def test_a_stop_only_comes_nearer(side: Side, wanted: str, current: str, result: str | None) -> None:
    assert tighter(side, p(wanted), p(current), p("0.1")) == (None if result is None else p(result))


def test_any_stop_is_tighter_than_none() -> None:
    assert is_tighter(LONG, p("1"), None)
    assert tightest(SHORT, None, p("5")) == p("5")
    assert tightest(SHORT, p("6"), p("5")) == p("5")
    assert tightest(LONG, p("6"), p("5")) == p("6")


def test_rounding_never_costs_more() -> None:
    assert on_tick(LONG, p("99.123"), p("0.05")) == p("99.15")
    assert on_tick(SHORT, p("99.123"), p("0.05")) == p("99.10")


def test_a_stop_at_the_price_would_trigger() -> None:
    assert would_trigger(LONG, p("100"), p("100"))
    assert would_trigger(SHORT, p("100"), p("101"))
    assert not would_trigger(LONG, p("99.9"), p("100"))


def test_a_found_position_gets_a_stop_behind_the_market_and_before_liquidation() -> None:
    assert protective(LONG, p("100"), p("105"), None, p("0.1")) == p("98.0")
    assert protective(LONG, p("100"), p("90"), None, p("0.1")) == p("88.2")
    assert protective(SHORT, p("100"), p("110"), None, p("0.1")) == p("112.2")
    assert protective(LONG, p("100"), p("100"), p("98.5"), p("0.1")) == p("99.0")
