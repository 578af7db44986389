import numpy as np
import pytest

from libs.common.clock import parse_iso
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS
from services.paper_exchange.core.columns import EMPTY, WEEK_MS, Columns, bar_open, columns_of, group, join
from services.paper_exchange.core.trail import Ohlcv

ROWS = [Ohlcv(10, 15, 9, 12, 1), Ohlcv(12, 13, 5, 6, 2), Ohlcv(6, 8, 6, 7, 4)]


def columns(*rows: Ohlcv) -> Columns:
    open_, high, low, close, volume = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return columns_of(open_, high, low, close, volume)


def test_turnover_is_volume_times_four_mean_prices() -> None:
    assert columns(*ROWS).turnover.tolist() == [46, 72, 108]


def test_candles_are_grouped_by_the_bar_that_they_open_in() -> None:
    opens, bars = group(columns(*ROWS), np.array([10, 15, 20], np.int64) * MINUTE_MS, 20 * MINUTE_MS)

    assert opens.tolist() == [0, 20 * MINUTE_MS]
    assert [bars.at(0), bars.at(1)] == [Ohlcv(10, 15, 5, 6, 3), ROWS[2]]
    assert bars.turnover.tolist() == [118, 108]


def test_joined_parts_follow_each_other_and_empty_ones_vanish() -> None:
    joined = join([EMPTY, columns(ROWS[0]), EMPTY, columns(*ROWS[1:])])

    assert [joined.at(k) for k in range(len(joined))] == ROWS
    assert len(join([])) == 0


@pytest.mark.parametrize(
    ("interval_ms", "opened"),
    [
        (15 * MINUTE_MS, "2025-10-10T21:15"),
        (HOUR_MS, "2025-10-10T21:00"),
        (12 * HOUR_MS, "2025-10-10T12:00"),
        (DAY_MS, "2025-10-10"),
        (WEEK_MS, "2025-10-06"),
    ],
)
def test_bars_are_aligned_to_utc_and_weeks_to_monday(interval_ms: int, opened: str) -> None:
    assert bar_open(parse_iso("2025-10-10T21:17:03"), interval_ms) == parse_iso(opened)
