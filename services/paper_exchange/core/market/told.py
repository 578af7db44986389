"""Volumes as a recording tells them, where that is not what they are in the market's quanta.

Volumes that were summed as floats carry noise in their last digits (0.30000000000000004), which no quantity of a trade
has. The market trades in quanta; a candle of a recording is shown with the recording's own number, so that whoever
stores what the venue shows has the recording again, bit for bit.

1. A number is shown only where it stands for the quanta that the bar has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from libs.common.units import Qty
from services.paper_exchange.core.market.columns import Ints
from services.paper_exchange.core.market.grain import Floats
from services.paper_exchange.core.market.market import Bar


@dataclass(frozen=True, slots=True)
class ToldVolumes:
    """Opening times, ascending, and volumes of the candles in question; `quantum`: what the market counts in."""

    opens: Ints
    volumes: Floats
    quantum: Decimal

    def later(self, by_ms: int) -> "ToldVolumes":
        return replace(self, opens=self.opens + by_ms)

    def shown(self, bars: Sequence[Bar]) -> Sequence[Bar]:
        """The bars, which follow each other, with the volumes that were told of them."""
        if not bars:
            return bars
        low, high = np.searchsorted(self.opens, (bars[0].open_at, bars[-1].open_at + 1)).tolist()
        if low == high:
            return bars
        told = dict(zip(self.opens[low:high].tolist(), self.volumes[low:high].tolist(), strict=True))
        return [self._shown(bar, told[bar.open_at]) if bar.open_at in told else bar for bar in bars]

    def _shown(self, bar: Bar, volume: float) -> Bar:
        number = Decimal(repr(volume))
        same = bar.closed and 2 * abs(number - bar.volume) < self.quantum
        return replace(bar, volume=Qty(number)) if same else bar


def told_volumes(opens: Ints, volumes: Floats, quanta: Ints, quantum: Decimal) -> ToldVolumes:
    """Return those of a recording's volumes that are not the float64 nearest to their quanta."""
    odd = quanta / 10.0 ** -quantum.adjusted() != volumes
    return ToldVolumes(opens[odd], volumes[odd], quantum)
