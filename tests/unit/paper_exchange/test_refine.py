from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from libs.common.units import HOUR_MS, MINUTE_MS, Instant
from services.paper_exchange.core.columns import Columns, columns_of, group
from services.paper_exchange.core.refine import Refined
from services.paper_exchange.core.tape import Recorded
from services.paper_exchange.core.trail import Ohlcv

QUARTER = 15 * MINUTE_MS


def columns(*rows: Ohlcv) -> Columns:
    open_, high, low, close, volume = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return columns_of(open_, high, low, close, volume)


def refined(rows: list[Ohlcv], interval_ms: int) -> Refined:
    return Refined(Recorded(Instant(0), interval_ms, columns(*rows)), QUARTER, "AUSDT")


def quarters(*hours: Ohlcv) -> list[Ohlcv]:
    fine = refined(list(hours), HOUR_MS).read(0, 4 * len(hours))
    return [fine.at(index) for index in range(len(fine))]


def test_an_hour_has_four_quarters_that_follow_each_other() -> None:
    parts = quarters(Ohlcv(100, 150, 90, 140, 10))

    assert len(parts) == 4
    assert all(later.open == earlier.close for earlier, later in pairwise(parts))
    assert sum(part.volume for part in parts) == 10


def test_a_halted_hour_has_four_quarters_that_stand_still() -> None:
    assert quarters(Ohlcv(7, 7, 7, 7, 0)) == [Ohlcv(7, 7, 7, 7, 0)] * 4


def test_any_stretch_of_quarters_can_be_read() -> None:
    tape = refined([Ohlcv(100, 150, 90, 140, 10), Ohlcv(140, 141, 80, 100, 10)], HOUR_MS)
    whole = [tape.read(0, 8).at(index) for index in range(8)]

    assert tape.count == 8
    assert [tape.read(3, 6).at(index) for index in range(3)] == whole[3:6]
    assert len(tape.read(5, 5)) == 0


@given(
    st.lists(st.tuples(*[st.integers(1, 10**8)] * 4, st.integers(0, 10**8)), min_size=1, max_size=8),
    st.sampled_from([2, 4]),
)
def test_put_together_again_they_are_what_was_recorded(rows: list[tuple[int, int, int, int, int]], parts: int) -> None:
    coarse = [Ohlcv(row[0], max(row[:4]), min(row[:4]), row[1], row[4]) for row in rows]
    interval = parts * QUARTER

    fine = refined(coarse, interval).read(0, parts * len(coarse))

    _, again = group(fine, np.arange(len(fine), dtype=np.int64) * QUARTER, interval)
    assert [again.at(index) for index in range(len(again))] == coarse
