from decimal import Decimal

import numpy as np
import pytest

from libs.common.units import MINUTE_MS, Instant, Price, Qty
from services.paper_exchange.core.market.grain import in_ticks
from services.paper_exchange.core.market.market import Bar
from services.paper_exchange.core.market.told import ToldVolumes, told_volumes

TENTH = Decimal("0.1")
NOISY = 0.1 + 0.2  # 0.30000000000000004


def bar(minute: int, volume: str, *, closed: bool = True) -> Bar:
    price = Price(Decimal(1))
    at = Instant(minute * MINUTE_MS)
    return Bar(at, price, price, price, price, Qty(Decimal(volume)), Decimal(0), closed=closed)


def told(*volumes: float) -> ToldVolumes:
    column = np.array(volumes)
    opens = np.arange(len(volumes), dtype=np.int64) * MINUTE_MS
    return told_volumes(opens, column, in_ticks(column, TENTH), TENTH)


def test_only_volumes_with_noise_are_kept() -> None:
    assert told(0.3, NOISY, 1e9 + 0.7, 0.0).volumes.tolist() == [NOISY]


def test_a_bar_is_shown_with_the_number_of_the_recording() -> None:
    shown = told(NOISY, 0.5, NOISY).shown([bar(0, "0.3"), bar(1, "0.5"), bar(2, "0.3")])
    assert [float(each.volume) for each in shown] == [NOISY, 0.5, NOISY]


def test_bars_before_and_after_the_recording_are_as_they_are() -> None:
    bars = [bar(5, "0.3"), bar(6, "0.3")]
    assert told(NOISY).shown(bars) == bars
    assert told(NOISY).shown([]) == []


@pytest.mark.parametrize("seen", [bar(0, "0.4"), bar(0, "0.3", closed=False)])
def test_a_bar_of_other_quanta_keeps_its_own(seen: Bar) -> None:
    """A finer recording says otherwise, or the bar still forms."""
    assert told(NOISY).shown([seen]) == [seen]


def test_played_later_the_numbers_are_later() -> None:
    [shown] = told(NOISY).later(7 * MINUTE_MS).shown([bar(7, "0.3")])
    assert float(shown.volume) == NOISY
