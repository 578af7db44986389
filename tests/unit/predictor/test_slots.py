import pytest

from libs.common.units import HOUR_MS, MINUTE_MS, Instant, Timeframe
from services.predictor.core.slots import Gathering, closing_at, gathering, last_close, missing_at, slot_of

M15, M30, H1 = Timeframe.M15, Timeframe.M30, Timeframe.H1
ALL = (M15, M30, H1)
TEN = Instant(10 * HOUR_MS)


def at(minute: int) -> Instant:
    return Instant(TEN + minute * MINUTE_MS)


@pytest.mark.parametrize(("minute", "closing"), [(0, ALL), (15, (M15,)), (30, (M15, M30)), (45, (M15,)), (60, ALL)])
def test_which_timeframes_close_at_a_quarter_of_the_hour(minute: int, closing: tuple[Timeframe, ...]) -> None:
    assert closing_at(at(minute), ALL) == closing


def test_the_full_hour_waits_for_all_three() -> None:
    assert gathering(TEN, {M15: TEN, M30: TEN, H1: at(-60)}) is Gathering.WAITING
    assert missing_at(TEN, {M15: TEN, M30: TEN, H1: at(-60)}) == (H1,)
    assert gathering(TEN, {M15: TEN, M30: TEN, H1: TEN}) is Gathering.COMPLETE


def test_a_quarter_past_uses_the_newest_half_hour_and_hour_there_are() -> None:
    assert gathering(at(15), {M15: at(15), M30: TEN, H1: TEN}) is Gathering.COMPLETE
    assert (last_close(at(45), M30), last_close(at(45), H1)) == (at(30), TEN)


def test_a_slot_that_a_later_candle_has_passed_cannot_be_decided_any_more() -> None:
    assert gathering(TEN, {M15: at(15), M30: TEN, H1: TEN}) is Gathering.PASSED


def test_a_moment_belongs_to_the_slot_that_closed_last() -> None:
    assert (slot_of(TEN), slot_of(Instant(TEN - 1)), slot_of(at(29))) == (TEN, at(-15), at(15))
