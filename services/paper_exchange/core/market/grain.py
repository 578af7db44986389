"""How fine recorded numbers are: the tick of prices that came as floats, and the whole numbers they stand for.

1. A price's whole number times the tick is exactly the decimal that the float was printed as.
"""

from decimal import Decimal
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.paper_exchange.core.market.columns import Ints

Floats: TypeAlias = NDArray[np.float64]
MOST_PRICE_DECIMALS: Final = 10
MOST_VOLUME_DECIMALS: Final = 3  # volumes summed by others carry float noise: what is finer is noise or dust


def price_tick(prices: Floats) -> Decimal | None:
    """Return the coarsest of 1, 2 or 5 × a power of ten that all `prices` are multiples of; None if there is none.

    prices: any shape, quote currency, positive.
    """
    for decimals in range(MOST_PRICE_DECIMALS + 1):
        scaled = prices * 10.0**decimals
        whole = np.rint(scaled)
        if np.all(np.abs(scaled - whole) <= 1e-14 * whole):
            return _coarsest(int(np.gcd.reduce(whole.astype(np.int64).ravel())), decimals)
    return None


def in_ticks(prices: Floats, tick: Decimal) -> Ints:
    return np.rint(prices / float(tick)).astype(np.int64)


def volume_quantum(volumes: Floats) -> Decimal:
    """Return the power of ten that `volumes` are counted in, no finer than a thousandth."""
    for decimals in range(MOST_VOLUME_DECIMALS):
        scaled = volumes * 10.0**decimals
        if np.all(np.abs(scaled - np.rint(scaled)) < 1e-4):
            return Decimal(1).scaleb(-decimals)
    return Decimal(1).scaleb(-MOST_VOLUME_DECIMALS)


def _coarsest(divisor: int, decimals: int) -> Decimal:
    step = 1
    while divisor % (step * 10) == 0:  # only where even whole numbers are too fine
        step *= 10
    multiple = next(m for m in (5, 2, 1) if divisor % (step * m) == 0)
    return step * multiple * Decimal(1).scaleb(-decimals)
