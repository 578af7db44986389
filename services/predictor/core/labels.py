"""What a bar's future was: the side whose barrier price reached first, or neither.

1. A barrier is `width_atr` ATR away from the close, and never nearer than `cost_multiple` times the cost of a trade.
2. Both barriers inside one bar: nobody knows which came first, so neither side is right.
3. The last `horizon` bars are unknown, also where a barrier was reached: keeping only those that ended early would
   teach that the end of the data is wild.
Source: triple barriers, Lopez de Prado 2018, ch. 3.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.predictor.core.features import FloatArray

SELL, HOLD, BUY, UNKNOWN = 0, 1, 2, -1  # columns of vote.CLASSES
LabelArray = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Barriers:
    width_atr: float = 1.5
    horizon: int = 8  # bars
    cost: float = 0.0014  # fraction of price: taker fees, spread and slippage of a round trip
    cost_multiple: float = 3.0


BARRIERS: Final = Barriers()


def labels_of(bars: FloatArray, atr: FloatArray, barriers: Barriers = BARRIERS) -> LabelArray:
    """Label `bars` (n, 6), oldest first, by what followed each; `atr` (n,) in quote currency, NaN while unknown.

    Returns (n,): SELL, HOLD, BUY or UNKNOWN.
    """
    n = len(bars)
    known = max(0, n - barriers.horizon)
    high, low, close = bars[:, 2], bars[:, 3], bars[:, 4]
    distance = np.maximum(barriers.width_atr * atr, barriers.cost_multiple * barriers.cost * close)[:known]
    labels = np.full(n, UNKNOWN, dtype=np.int8)
    labels[:known] = HOLD
    undecided = np.ones(known, dtype=bool)
    for ahead in range(1, barriers.horizon + 1):
        above = undecided & (high[ahead : ahead + known] >= close[:known] + distance)
        below = undecided & (low[ahead : ahead + known] <= close[:known] - distance)
        labels[:known][above & ~below] = BUY
        labels[:known][below & ~above] = SELL
        undecided &= ~(above | below)
    labels[:known][~np.isfinite(distance)] = UNKNOWN
    return labels


def turned(labels: LabelArray) -> LabelArray:
    """The labels of the mirrored market: what was a rise is a fall."""
    return np.where(labels == UNKNOWN, UNKNOWN, BUY - labels).astype(np.int8)
