"""Decimals as a venue writes them: plain digits, no exponent, nothing for nothing."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from libs.common.units import Usd

MONEY: Final = Decimal("1e-8")  # fees and funding are booked to this
SPLIT: Final = Decimal("1e-12")  # and the parts of a position's cost to this
_AVERAGE: Final = Context(prec=15)


def plain(value: Decimal | None) -> str:
    """Write `value` without exponent or trailing zeros; None is the venue's empty string."""
    if value is None:
        return ""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def money(value: Decimal) -> Usd:
    """Round to what the wallet can hold."""
    return Usd(value.quantize(MONEY, ROUND_HALF_EVEN))


def share(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    """Return the share of `whole` that belongs to `part` of `of`; all of it, exactly, when they are equal."""
    return whole if part == of else (whole * part / of).quantize(SPLIT, ROUND_HALF_EVEN)


def average(value: Decimal, qty: Decimal) -> Decimal:
    """Return value per unit to 15 significant digits; zero for nothing."""
    return _AVERAGE.divide(value, qty) if qty else Decimal(0)
