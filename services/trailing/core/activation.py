"""When a position has earned its trailing stop.

1. Activation is final: the best price never gets worse, and a stop that has moved stays moved.
2. A first stop on the wrong side of the entry is no measure of risk: the trailing distance stands in for it.
"""

from decimal import Decimal

from libs.common.units import ZERO, Price, Side
from services.trailing.core.ratchet import gain


def first_risk(side: Side, *, entry: Price, initial_stop: Price | None, distance: Decimal) -> Decimal:
    """Quote currency between the entry and the first stop; `distance` when there was no such stop."""
    risk = ZERO if initial_stop is None else gain(side, entry, initial_stop)
    return risk if risk > ZERO else distance


def is_active(side: Side, *, entry: Price, best: Price, risk: Decimal, activation_r: Decimal) -> bool:
    """Whether the best price was `activation_r` first risks in profit."""
    return gain(side, best, entry) >= activation_r * risk


def has_ratcheted(side: Side, *, stop: Price | None, initial_stop: Price | None) -> bool:
    """Whether the stop was tightened already: after a restart this is all that is left of a better best price."""
    return stop is not None and initial_stop is not None and gain(side, stop, initial_stop) > ZERO
