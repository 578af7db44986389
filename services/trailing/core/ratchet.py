"""A stop that follows the best price since opening and never gives ground back.

1. A stop that is asked for is tighter than its floor by at least the least move: it never loosens.
2. It stays behind the best price by the distance, and above zero.
3. A better best price never asks for a looser stop.
"""

from decimal import Decimal

from libs.common.units import ZERO, Price, Side
from services.trailing.core.rules import Rules


def better(side: Side, one: Price, other: Price) -> Price:
    """Return the price that a position of this side would rather be left at."""
    return max(one, other) if side is Side.LONG else min(one, other)


def gain(side: Side, price: Price, over: Price) -> Decimal:
    """How much better `price` is than `over`, in quote currency; negative when it is worse."""
    return side.sign * (price - over)


def trailing_distance(best: Price, atr: Price | None, rules: Rules) -> Decimal:
    """Quote currency between the best price and the stop; without an ATR a fraction of the best price."""
    return rules.distance_atr * atr if atr else rules.distance * best


def ratchet(side: Side, *, floor: Price | None, best: Price, distance: Decimal, least: Decimal) -> Price | None:
    """Return the stop `distance` behind `best`, or None if it is not tighter than `floor` by `least`.

    floor: the tightest stop that is known or was asked for; None when there is none.
    least: quote currency, >= 0; an equal stop is never asked for again.
    """
    stop = Price(best - side.sign * distance)
    if stop <= ZERO:
        return None
    if floor is None:
        return stop
    improvement = gain(side, stop, floor)
    return stop if improvement > ZERO and improvement >= least else None
