from itertools import pairwise

import numpy as np

from libs.common.units import HOUR_MS, MINUTE_MS
from services.paper_exchange.core.market.columns import Ohlcv, group, join
from services.paper_exchange.core.market.splice import Recording, splice
from services.paper_exchange.core.market.tape import Recorded
from tests.support.columns import columns, rows

M15, M5 = 15 * MINUTE_MS, 5 * MINUTE_MS


def recording(interval_ms: int, candles: dict[int, Ohlcv]) -> Recording:
    """Candles by the minute that they open at."""
    opens = np.array([minute * MINUTE_MS for minute in candles], np.int64)
    return Recording(interval_ms, opens, columns(*candles.values()))


def told(tapes: list[Recorded]) -> list[tuple[int, int, int]]:
    """Where each tape begins and how long its candles are, in minutes, and how many there are."""
    assert all(early.end == late.first for early, late in pairwise(tapes))
    return [(tape.first // MINUTE_MS, tape.interval_ms // MINUTE_MS, tape.count) for tape in tapes]


HOURS = recording(HOUR_MS, {0: Ohlcv(10, 20, 5, 12, 60), 60: Ohlcv(12, 30, 11, 15, 100), 120: Ohlcv(15, 16, 14, 15, 9)})


def test_one_whole_recording_is_one_tape() -> None:
    (tape,) = splice([HOURS])

    assert rows(tape.columns) == rows(HOURS.columns)


def test_the_finest_drive_wherever_they_are_and_coarser_ones_before_and_after() -> None:
    quarters = recording(M15, {60 + 15 * n: Ohlcv(12, 30, 11, 15, 25) for n in range(4)})

    assert told(splice([quarters, HOURS])) == [(0, 60, 1), (60, 15, 4), (120, 60, 1)]


def test_what_is_left_of_a_cut_candle_makes_it_whole_again() -> None:
    quarters = recording(M15, {75: Ohlcv(13, 18, 13, 17, 40), 90: Ohlcv(17, 17, 11, 12, 20)})

    tapes = splice([HOURS, quarters])

    assert told(tapes) == [(0, 60, 1), (60, 15, 1), (75, 15, 2), (105, 15, 1), (120, 60, 1)]
    before, after = rows(tapes[1].columns)[0], rows(tapes[3].columns)[0]
    assert before == Ohlcv(12, 30, 12, 13, 20)
    assert after == Ohlcv(12, 30, 12, 15, 20)
    opens = np.concatenate([tape.first + np.arange(tape.count, dtype=np.int64) * tape.interval_ms for tape in tapes])
    _, hours = group(join([tape.columns for tape in tapes]), opens, HOUR_MS)
    assert rows(hours) == rows(HOURS.columns)


def test_coarser_candles_serve_in_the_holes_of_finer_ones() -> None:
    fives = recording(M5, {60 + 5 * n: Ohlcv(12, 30, 11, 15, 5) for n in range(24) if n not in range(12, 24)})
    quarters = recording(M15, {15 * n: Ohlcv(12, 13, 11, 12, 5) for n in range(4, 10)})

    assert told(splice([HOURS, fives, quarters])) == [(0, 60, 1), (60, 5, 12), (120, 15, 2), (150, 30, 1)]


def test_where_nothing_was_recorded_the_price_stands_still() -> None:
    tapes = splice([recording(M15, {0: Ohlcv(7, 9, 6, 8, 3), 45: Ohlcv(9, 9, 9, 9, 1)})])

    assert told(tapes) == [(0, 15, 1), (15, 15, 2), (45, 15, 1)]
    assert rows(tapes[1].columns) == [Ohlcv(8, 8, 8, 8, 0)] * 2


def test_a_hole_of_odd_length_is_filled_with_short_candles() -> None:
    tapes = splice([recording(MINUTE_MS, {0: Ohlcv(7, 9, 6, 8, 3), 12: Ohlcv(9, 9, 9, 9, 1)})])

    assert told(tapes) == [(0, 1, 1), (1, 1, 11), (12, 1, 1)]


def test_recordings_that_do_not_touch_are_joined_by_a_halt() -> None:
    early = recording(M5, {0: Ohlcv(7, 9, 6, 8, 3)})
    late = recording(M15, {30: Ohlcv(9, 9, 9, 9, 1)})

    assert told(splice([late, early])) == [(0, 5, 1), (5, 5, 5), (30, 15, 1)]
