import numpy as np
import pytest

from libs.common.clock import parse_iso
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS
from services.paper_exchange.core.market.columns import (
    EMPTY,
    MONTH_MS,
    WEEK_MS,
    Ohlcv,
    bar_close,
    bar_number,
    bar_open,
    bar_start,
    group,
    join,
)
from tests.support.columns import columns

ROWS = [Ohlcv(10, 15, 9, 12, 1), Ohlcv(12, 13, 5, 6, 2), Ohlcv(6, 8, 6, 7, 4)]


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
        (MONTH_MS, "2025-10-01"),
    ],
)
def test_bars_are_aligned_to_utc_weeks_to_monday_and_months_to_the_first(interval_ms: int, opened: str) -> None:
    assert bar_open(parse_iso("2025-10-10T21:17:03"), interval_ms) == parse_iso(opened)


@pytest.mark.parametrize(
    ("interval_ms", "opened", "closed"),
    [
        (MINUTE_MS, "2025-10-10T21:15", "2025-10-10T21:16"),
        (WEEK_MS, "2025-10-06", "2025-10-13"),
        (MONTH_MS, "2024-02-01", "2024-03-01"),
        (MONTH_MS, "2025-12-01", "2026-01-01"),
    ],
)
def test_a_bar_closes_where_the_next_opens(interval_ms: int, opened: str, closed: str) -> None:
    number = bar_number(parse_iso(opened), interval_ms)

    assert bar_close(parse_iso(opened), interval_ms) == parse_iso(closed)
    assert (bar_start(number, interval_ms), bar_start(number + 1, interval_ms)) == (
        parse_iso(opened),
        parse_iso(closed),
    )


def test_months_are_grouped_by_the_calendar() -> None:
    days = np.arange(parse_iso("2024-01-30"), parse_iso("2024-03-03"), DAY_MS, dtype=np.int64)

    opens, bars = group(columns(*[ROWS[0]] * len(days)), days, MONTH_MS)

    assert opens.tolist() == [parse_iso(month) for month in ("2024-01-01", "2024-02-01", "2024-03-01")]
    assert bars.volume.tolist() == [2, 29, 2]
