import numpy as np

from libs.common.units import MINUTE_MS
from services.paper_exchange.core.market.columns import Ohlcv
from services.paper_exchange.core.market.ticks import NO_TICKS, PREMIUM_UNITS, Reading, Ticks, bars_of, join_ticks
from tests.support.columns import rows


def ticks(*told: tuple[int, int, int, int]) -> Ticks:
    """Rows of at, price, mark and volume."""
    at, price, mark, volume = (np.array(column, np.int64) for column in zip(*told, strict=True))
    return Ticks(at, np.arange(len(at), dtype=np.int64), price, mark, volume)


FOUR = ticks((1, 100, 100, 5), (2, 104, 101, 0), (59_999, 98, 100, 3), (60_000, 99, 100, 1))


def test_a_minute_is_made_of_the_ticks_in_it() -> None:
    opens, minutes = bars_of(FOUR, MINUTE_MS, Reading.LAST)

    assert opens.tolist() == [0, MINUTE_MS]
    assert rows(minutes) == [Ohlcv(100, 104, 98, 98, 8), Ohlcv(99, 99, 99, 99, 1)]
    assert minutes.turnover.tolist() == [4 * (500 + 294), 4 * 99]


def test_marks_and_premiums_have_no_volume() -> None:
    _, marks = bars_of(FOUR, MINUTE_MS, Reading.MARK)
    _, premiums = bars_of(FOUR, MINUTE_MS, Reading.PREMIUM)

    assert rows(marks)[0] == Ohlcv(100, 101, 100, 100, 0)
    assert rows(premiums)[0] == Ohlcv(0, 3 * PREMIUM_UNITS // 101, -PREMIUM_UNITS // 50, -PREMIUM_UNITS // 50, 0)


def test_of_no_ticks_there_are_no_bars() -> None:
    opens, minutes = bars_of(NO_TICKS, MINUTE_MS, Reading.LAST)

    assert (len(opens), len(minutes)) == (0, 0)


def test_a_stretch_leaves_its_beginning_out_and_has_its_end_in() -> None:
    assert FOUR.between(1, 59_999).at.tolist() == [2, 59_999]


def test_joined_parts_follow_each_other() -> None:
    assert join_ticks([NO_TICKS, FOUR.slice(0, 1), FOUR.slice(1, 4)]).at.tolist() == FOUR.at.tolist()
    assert len(join_ticks([])) == 0
