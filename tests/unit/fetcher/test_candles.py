import pytest

from libs.common.units import Instant, Timeframe
from services.fetcher.core.candles import closed_of, missing, newest_closed
from tests.support.venue_candles import BTC, MORNING, as_message, closes_at, venue_candle


@pytest.mark.parametrize(
    ("now", "opened"),
    [(closes_at(0), 0), (closes_at(0) - 1, -1), (closes_at(0) + 1, 0), (closes_at(1) - 1, 0), (closes_at(1), 1)],
)
def test_the_newest_closed_candle_is_the_one_whose_time_is_over(now: int, opened: int) -> None:
    assert newest_closed(Timeframe.M15, Instant(now)) == MORNING + opened * Timeframe.M15.ms


def test_the_last_candle_of_an_answer_is_closed_when_its_time_is_over_in_the_market() -> None:
    """pybit#175: REST tells the candle that is still forming, and does not say so."""
    answer = [venue_candle(0), venue_candle(1)]
    assert list(closed_of(answer, Instant(closes_at(1) - 1))) == answer[:1]
    assert list(closed_of(answer, closes_at(1))) == answer


def test_a_candle_is_closed_when_a_later_one_exists_whatever_the_market_clock_says() -> None:
    answer = [venue_candle(0), venue_candle(1)]
    assert list(closed_of(answer, Instant(0))) == answer[:1]


def test_an_empty_answer_has_no_closed_candle() -> None:
    assert list(closed_of([], closes_at(9))) == []


def test_a_message_is_named_by_symbol_timeframe_and_open_time() -> None:
    once, again = as_message(venue_candle(3)), as_message(venue_candle(3, volume=venue_candle(4).volume))
    assert once.id == again.id == once.trace
    assert once.id != as_message(venue_candle(4)).id
    assert once.id != as_message(venue_candle(3, timeframe=Timeframe.M30)).id
    assert (once.cause, once.at, once.close_at) == ("", closes_at(3), closes_at(3))


def test_a_missing_candle_says_which_one_and_why() -> None:
    said = missing(BTC, Timeframe.H1, MORNING, "not there")
    assert (said.open_at, said.close_at, said.reason) == (MORNING, MORNING + 3_600_000, "not there")
