"""The ratchet: a stop may only come nearer to the price.

1. `tighter` never returns a stop that is looser than the one that is there.
2. A stop is rounded to the safe side: what rounding changes, it changes towards a smaller loss.
"""

from decimal import Decimal
from typing import Final

from libs.common.units import Price, Side, ceil_to, floor_to

ADOPTED_STOP: Final = Decimal("0.02")  # of the price: first stop of a position that came without one
ROOM: Final = Decimal("1.5")  # liquidation lies at least this much farther than the stop


def is_tighter(side: Side, wanted: Price, current: Price | None) -> bool:
    """Whether `wanted` protects more than `current`; anything protects more than nothing."""
    if current is None:
        return True
    return wanted > current if side is Side.LONG else wanted < current


def tightest(side: Side, first: Price | None, second: Price | None) -> Price | None:
    """Return the stop that protects more."""
    if first is None or second is None:
        return first if second is None else second
    return max(first, second) if side is Side.LONG else min(first, second)


def on_tick(side: Side, stop: Price, tick: Price) -> Price:
    """Round to a price that the venue knows, on the side of the smaller loss."""
    return Price(ceil_to(stop, tick) if side is Side.LONG else floor_to(stop, tick))


def tighter(side: Side, wanted: Price, current: Price | None, tick: Price) -> Price | None:
    """Return `wanted` on the tick grid if that is tighter than `current`, else None: there is nothing to do."""
    price = on_tick(side, wanted, tick)
    return price if is_tighter(side, price, current) else None


def would_trigger(side: Side, stop: Price, last: Price) -> bool:
    """Whether the venue would close at once, were the stop set now."""
    return last <= stop if side is Side.LONG else last >= stop


def protective(side: Side, entry: Price, mark: Price, liquidation: Price | None, tick: Price) -> Price:
    """Return a first stop for a position that we did not open: 2 % behind its entry, or behind the market.

    Nearer when liquidation is near: the stop must come first.
    """
    base = min(entry, mark) if side is Side.LONG else max(entry, mark)
    distance = base * ADOPTED_STOP
    if liquidation is not None and liquidation > 0:
        distance = min(distance, abs(base - liquidation) / ROOM)
    return on_tick(side, Price(base - side.sign * distance), tick)
