from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Timeframe
from services.fetcher.core.gaps import WAITING, Hole, Line, begin_at, hole_in, pass_over, take
from tests.support.venue_candles import MORNING, venue_candle

M15 = Timeframe.M15


def at(n: int) -> Instant:
    return Instant(MORNING + n * M15.ms)


def line(top: int, *, stored: bool = True) -> Line:
    return Line(M15, at(top), at(top) if stored else None)


def opens(candles: object) -> list[int]:
    return [(c.open_at - MORNING) // M15.ms for c in candles]  # type: ignore[attr-defined]


def test_the_next_candle_is_told_at_once() -> None:
    after, ready = take(line(0), [venue_candle(1)])
    assert (opens(ready), after.top, after.stored) == ([1], at(1), at(1))


def test_a_candle_behind_a_hole_waits_and_leaves_with_the_one_that_was_missing() -> None:
    waiting, ready = take(line(0), [venue_candle(3), venue_candle(2)])
    assert (opens(ready), opens(waiting.waiting)) == ([], [2, 3])
    after, ready = take(waiting, [venue_candle(1)])
    assert (opens(ready), after.waiting, after.top) == ([1, 2, 3], (), at(3))


def test_what_was_told_is_not_told_again() -> None:
    after, ready = take(line(5), [venue_candle(4), venue_candle(5)])
    assert (after, ready) == (line(5), ())


def test_of_two_candles_of_one_open_time_the_first_heard_counts() -> None:
    first, second = venue_candle(1), venue_candle(1, volume=venue_candle(1).volume * 2)
    assert take(line(0), [first, second])[1] == (first,)
    waiting, _ = take(line(-1), [first])
    assert take(waiting, [second, venue_candle(0)])[1] == (venue_candle(0), first)


def test_what_is_refused_is_not_offered_again_and_holds_back_what_follows() -> None:
    offered: list[int] = []

    def admits(candle: Candle) -> bool:
        offered.append((candle.open_at - MORNING) // M15.ms)
        return offered[-1] != 2

    numbers = [1, 2, 2, 3, 1]
    after, ready = take(line(0), [venue_candle(n) for n in numbers], admits)
    assert (opens(ready), opens(after.waiting), offered) == ([1], [3], [1, 2])
    after, ready = take(line(0), [venue_candle(n) for n in (3, 2, 1)], admits)
    assert (opens(ready), opens(after.waiting)) == ([1], [3])


def test_what_waits_behind_where_a_series_begins_is_forgotten() -> None:
    waiting, _ = take(line(0, stored=False), [venue_candle(n) for n in (3, 8)])
    after, ready = take(begin_at(waiting, at(7)), [venue_candle(7)])
    assert (opens(ready), after.waiting) == ([7, 8], ())


def test_only_so_many_wait_and_they_are_the_earliest() -> None:
    after, _ = take(line(0), [venue_candle(n) for n in range(2, WAITING + 50)])
    assert opens(after.waiting) == list(range(2, WAITING + 2))


def test_a_hole_reaches_to_the_first_candle_that_waits() -> None:
    after, _ = take(line(0), [venue_candle(4)])
    assert hole_in(after, at(9)) == Hole(at(1), at(3), M15)
    assert Hole(at(1), at(3), M15).candles == 3


def test_a_hole_reaches_to_the_newest_that_has_closed_when_none_waits() -> None:
    assert hole_in(line(0), at(2)) == Hole(at(1), at(2), M15)
    assert hole_in(line(2), at(2)) is None
    assert hole_in(line(3), at(2)) is None


def test_passing_over_says_what_is_missing_and_frees_what_waited() -> None:
    after, _ = take(line(0), [venue_candle(3)])
    passed, missing, ready = pass_over(after, Hole(at(1), at(2), M15))
    assert (missing, opens(ready)) == ((at(1), at(2)), [3])
    assert (passed.top, passed.stored) == (at(3), at(3))


def test_passing_over_the_newest_leaves_what_is_stored_as_it_was() -> None:
    passed, missing, ready = pass_over(line(0), Hole(at(1), at(1), M15))
    assert (passed.top, passed.stored, missing, ready) == (at(1), at(0), (at(1),), ())


def test_a_series_of_which_nothing_is_stored_begins_where_the_venue_does() -> None:
    assert begin_at(line(0, stored=False), at(7)).next_open == at(7)
    assert begin_at(line(0, stored=False), at(1)) == line(0, stored=False)
    assert begin_at(line(0), at(7)) == line(0)
