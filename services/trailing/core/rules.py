"""How a position is followed: the numbers that the operator may set."""

from dataclasses import dataclass

from libs.common.units import Fraction


@dataclass(frozen=True, slots=True)
class Rules:
    activation_r: Fraction  # profit in first risks that starts trailing
    distance_atr: Fraction  # distance of the stop behind the best price, in ATR of the decision
    distance: Fraction  # the same without an ATR, as a fraction of the best price
    min_step: Fraction  # least move of a stop, as a fraction of price
    max_hours: int  # market hours after which a position is left
