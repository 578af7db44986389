import numpy as np
import pytest

from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant
from services.paper_exchange.core.market.columns import Ohlcv, group
from services.paper_exchange.core.market.path import MARKED_BY, Path
from services.paper_exchange.core.market.tape import Recorded
from services.paper_exchange.core.market.ticks import Reading
from services.paper_exchange.core.market.trail import Beat
from tests.support.columns import columns, rows

FIRST = Instant(20_000 * DAY_MS)
M15 = 15 * MINUTE_MS
QUARTERS = [Ohlcv(1_000 + n, 1_040 + n, 950, 1_001 + n, 900 + n) for n in range(300)]  # more than a block
FIVES = [Ohlcv(1_300 + n, 1_310 + n, 1_290 + n, 1_301 + n, 50) for n in range(12)]


def path(beat: Beat = Beat.CANDLE) -> Path:
    """Quarter hours, then fives."""
    quarters = Recorded(FIRST, M15, columns(*QUARTERS))
    return Path([quarters, Recorded(quarters.end, 5 * MINUTE_MS, columns(*FIVES))], beat, "AUSDT")


def test_a_path_begins_with_the_first_candle_and_ends_with_the_last() -> None:
    assert (path().first, path().end) == (FIRST, FIRST + 300 * M15 + HOUR_MS)


def test_tapes_with_a_gap_between_them_are_no_path() -> None:
    early, late = (Recorded(Instant(at), M15, columns(QUARTERS[0])) for at in (0, 2 * M15))

    with pytest.raises(ValueError, match="without a gap"):
        Path([early, late], Beat.CANDLE, "AUSDT")


@pytest.mark.parametrize("beat", Beat)
def test_ticks_grow_in_time_and_number_across_blocks_and_tapes(beat: Beat) -> None:
    ticks = path(beat).ticks(FIRST + 100 * M15, path().end)

    assert (np.diff(ticks.at) > 0).all()
    assert (np.diff(ticks.number) > 0).all()
    assert int(ticks.volume.sum()) == sum(row.volume for row in [*QUARTERS[100:], *FIVES])


def test_the_newest_tick_stays_after_the_end() -> None:
    newest = path().newest(path().end + DAY_MS)

    assert (newest.at.tolist(), newest.price.tolist()) == ([path().end - 1], [FIVES[-1].close])
    assert len(path().newest(FIRST)) == 0


@pytest.mark.parametrize("beat", Beat)
def test_a_mark_is_the_mean_of_the_newest_prices_also_where_blocks_and_tapes_meet(beat: Beat) -> None:
    ticks, count = path(beat).ticks(0, path().end), MARKED_BY[beat]
    prices = ticks.price.tolist()
    meet = next(n for n, at in enumerate(ticks.at.tolist()) if at > FIRST + 300 * M15)

    for place in [*range(count, meet, 97), *range(meet + count, len(prices), 11)]:
        assert ticks.mark[place] == sum(prices[place - count + 1 : place + 1]) // count
    assert ticks.mark[meet] == (prices[meet - 1] * (count - 1) + prices[meet]) // count
    assert ticks.mark[0] == QUARTERS[0].open


def test_whole_candles_are_taken_as_recorded_and_the_rest_as_minutes() -> None:
    begin, end = FIRST + 299 * M15, FIRST + 300 * M15 + 7 * MINUTE_MS

    pieces = list(path().pieces(Reading.LAST, M15, begin, end))

    assert [opens.tolist() for opens, _ in pieces] == [
        [begin],
        [begin + M15],
        [begin + M15 + minutes * MINUTE_MS for minutes in (5, 6)],
    ]
    assert rows(pieces[0][1]) == [QUARTERS[-1]]
    assert rows(pieces[1][1]) == [FIVES[0]]


@pytest.mark.parametrize("beat", Beat)
def test_minutes_put_together_are_the_candles_that_were_recorded(beat: Beat) -> None:
    opens, minutes = zip(*path(beat).pieces(Reading.LAST, MINUTE_MS, FIRST, FIRST + 300 * M15), strict=True)

    _, quarters = group(minutes[0], opens[0], M15)

    assert len(opens[0]) == 300 * 15
    assert rows(quarters) == QUARTERS


def test_a_path_that_is_played_later_is_the_same_path_later() -> None:
    now, later = path().ticks(FIRST, FIRST + DAY_MS), path().later(3 * DAY_MS)
    then = later.ticks(FIRST + 3 * DAY_MS, FIRST + 4 * DAY_MS)

    assert later.first == FIRST + 3 * DAY_MS
    assert np.array_equal(then.at - now.at, np.full(len(now), 3 * DAY_MS))
    for mine, same in zip(then.all[1:], now.all[1:], strict=True):
        assert np.array_equal(mine, same)
