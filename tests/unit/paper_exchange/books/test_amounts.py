from decimal import Decimal as D

import pytest

from services.paper_exchange.core.books.amounts import average, money, plain, share


@pytest.mark.parametrize(
    ("value", "text"),
    [("1.500", "1.5"), ("1E+3", "1000"), ("1E-8", "0.00000001"), ("0.000", "0"), ("-0", "0"), ("100", "100")],
)
def test_a_number_is_written_without_exponent_or_trailing_zeros(value: str, text: str) -> None:
    assert plain(D(value)) == text


def test_nothing_is_the_empty_string() -> None:
    assert plain(None) == ""


def test_money_has_eight_decimals() -> None:
    assert money(D("0.123456785")) == D("0.12345678")


def test_the_last_share_is_all_that_is_left() -> None:
    whole = D("10") / 3
    assert share(whole, D(2), D(2)) == whole
    assert share(D(1), D(1), D(3)) == D("0.333333333333")


def test_the_average_of_nothing_is_zero() -> None:
    assert average(D(0), D(0)) == 0
