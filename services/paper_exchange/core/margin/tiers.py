"""Risk tiers: the larger a position, the less leverage it may have and the more margin it must keep.

1. Maintenance margin is continuous and grows with the value: a tier's deduction makes good what its rate adds.
2. It is the largest of the tiers' lines, value × rate - deduction, whatever the value.
3. In every tier the maintenance rate is below the initial rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.units import ZERO, Fraction, Usd

# The venue's table of BTCUSDT: position value up to (millions of USDT), highest leverage, maintenance rate in per cent.
_MAJOR: Final = (
    ("2.0", "100", "0.50"),
    ("2.6", "90", "0.56"),
    ("3.2", "80", "0.63"),
    ("3.8", "75", "0.67"),
    ("4.4", "70", "0.71"),
    ("5.0", "65", "0.77"),
    ("5.6", "55", "0.91"),
    ("8.5", "50", "1.00"),
    ("10", "45", "1.30"),
    ("14", "40", "1.50"),
    ("20", "35", "1.60"),
    ("28", "30", "2.00"),
    ("38", "25", "2.50"),
    ("50", "20", "2.90"),
    ("55", "19", "3.00"),
    ("60", "18", "3.50"),
    ("65", "17", "3.60"),
    ("70", "16", "3.80"),
    ("75", "15", "4.00"),
    ("80", "14", "4.50"),
)
MAJOR_LEVERAGE: Final = Decimal(100)
MILLION: Final = Decimal(1_000_000)
MINOR: Final = Decimal("0.1")  # limits of a contract with less leverage, in limits of a major
LEVERAGE_STEP: Final = Decimal("0.01")
RATE_STEP: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class RiskTier:
    """`limit`: the largest position value; `deduction`: what MM has less than value × rate; both USDT."""

    number: int  # from 1
    limit: Usd
    maintenance_rate: Fraction
    initial_rate: Fraction
    max_leverage: Fraction
    deduction: Usd


def tiers(instrument: Instrument) -> tuple[RiskTier, ...]:
    """Return the tiers of a contract, smallest first: a major's, stretched to its own highest leverage."""
    return _stretched(instrument.max_leverage)


def tier_of(ladder: Sequence[RiskTier], value: Decimal) -> RiskTier:
    """Return the tier of a position of `value` USDT; beyond the last limit, the last."""
    return next((tier for tier in ladder if value <= tier.limit), ladder[-1])


def max_leverage_for(ladder: Sequence[RiskTier], value: Decimal) -> Fraction:
    """Return the highest leverage for `value` USDT; zero when no position may be that large."""
    tier = tier_of(ladder, value)
    return tier.max_leverage if value <= tier.limit else Fraction(ZERO)


def kept(ladder: Sequence[RiskTier], value: Decimal) -> Usd:
    """Return the maintenance margin of `value` USDT, without the fee to close it."""
    tier = tier_of(ladder, value)
    return Usd(value * tier.maintenance_rate - tier.deduction)


@lru_cache(maxsize=64)
def _stretched(max_leverage: Fraction) -> tuple[RiskTier, ...]:
    stretch = max_leverage / MAJOR_LEVERAGE
    size = MILLION if max_leverage >= MAJOR_LEVERAGE else MILLION * MINOR
    rows = [
        (
            Decimal(limit) * size,
            (Decimal(leverage) * stretch).quantize(LEVERAGE_STEP, ROUND_FLOOR),
            (Decimal(rate) / 100 / stretch).quantize(RATE_STEP, ROUND_HALF_EVEN),
        )
        for limit, leverage, rate in _MAJOR
    ]
    allowed = [row for row in rows if row[1] >= 1] or rows[:1]
    deductions = [ZERO]
    for (limit, _, rate), (_, _, next_rate) in pairwise(allowed):
        deductions.append(deductions[-1] + limit * (next_rate - rate))
    return tuple(
        RiskTier(
            number=number,
            limit=Usd(limit),
            maintenance_rate=Fraction(rate),
            initial_rate=Fraction((1 / leverage).quantize(RATE_STEP, ROUND_HALF_EVEN)),
            max_leverage=Fraction(leverage),
            deduction=Usd(deduction),
        )
        for number, ((limit, leverage, rate), deduction) in enumerate(zip(allowed, deductions, strict=True), start=1)
    )
