from libs.common.units import MINUTE_MS, Instant, Symbol, Timeframe
from services.fetcher.core.catch_up import Key
from services.fetcher.core.freshness import Freshness, Stale, in_the_way
from services.fetcher.core.gaps import Line
from tests.support.venue_candles import BTC, MORNING, closes_at

M15 = Timeframe.M15
KEY = (BTC, M15)
ETH, SOL = Symbol("ETHUSDT"), Symbol("SOLUSDT")
BOUND = 30_000


def line(top: int, *, is_stored: bool = True) -> Line:
    at = Instant(MORNING + top * M15.ms)
    return Line(M15, at, at if is_stored else None)


def stale_keys(freshness: Freshness, wall: int) -> list[Key]:
    return [each.key for each in freshness.stale(Instant(wall), bound_ms=BOUND)]


def test_a_series_with_its_newest_candle_is_fresh() -> None:
    freshness = Freshness()
    freshness.look({KEY: line(3)}, Instant(closes_at(4) - 1), Instant(0))
    assert stale_keys(freshness, 10 * BOUND) == []
    assert freshness.late_ms(KEY, Instant(10 * BOUND)) == 0


def test_a_series_is_stale_when_its_next_candle_is_late_for_as_long_as_is_allowed() -> None:
    freshness = Freshness()
    for wall in (1_000, 2_000):
        freshness.look({KEY: line(3)}, closes_at(4), Instant(wall))
    assert stale_keys(freshness, 1_000 + BOUND - 1) == []
    assert freshness.stale(Instant(1_000 + BOUND), bound_ms=BOUND) == [Stale(KEY, BOUND, closes_at(3))]


def test_a_candle_that_arrives_makes_it_fresh() -> None:
    freshness = Freshness()
    freshness.look({KEY: line(3)}, closes_at(4), Instant(0))
    freshness.look({KEY: line(4)}, closes_at(4), Instant(BOUND))
    assert stale_keys(freshness, 2 * BOUND) == []


def test_a_series_that_catches_up_is_as_late_as_its_next_candle() -> None:
    """A market of sixty times the speed closes candles faster than a slow venue tells them, and nothing is stale."""
    freshness = Freshness()
    for n in range(10):
        freshness.look({KEY: line(n)}, closes_at(n + 2), Instant(n * BOUND // 2))
        assert stale_keys(freshness, n * BOUND // 2) == []
    assert stale_keys(freshness, 9 * BOUND // 2 + BOUND) == [KEY]


def test_a_candle_that_was_given_up_leaves_its_series_late() -> None:
    """freqtrade#11725: nothing was asked for any more, and the newest candle was days old."""
    freshness, passed = Freshness(), Line(M15, Instant(MORNING + 5 * M15.ms), Instant(MORNING + 3 * M15.ms))
    freshness.look({KEY: passed}, closes_at(5), Instant(0))
    assert stale_keys(freshness, BOUND) == [KEY]


def test_a_series_of_which_nothing_is_stored_is_not_late() -> None:
    freshness = Freshness()
    freshness.look({KEY: line(3, is_stored=False)}, closes_at(9), Instant(0))
    assert stale_keys(freshness, BOUND) == []


def test_a_series_that_is_looked_after_no_more_is_not_late_any_more() -> None:
    freshness = Freshness()
    freshness.look({KEY: line(3)}, closes_at(9), Instant(0))
    freshness.look({}, closes_at(9), Instant(1))
    assert stale_keys(freshness, BOUND) == []


def test_the_latest_are_told_first() -> None:
    freshness = Freshness()
    freshness.look({(ETH, M15): line(3)}, closes_at(4), Instant(0))
    freshness.look({(ETH, M15): line(3), KEY: line(3)}, closes_at(4), Instant(5))
    assert stale_keys(freshness, BOUND + 5) == [(ETH, M15), KEY]


def some(*symbols: Symbol) -> list[Stale]:
    return [Stale((symbol, M15), MINUTE_MS, MORNING) for symbol in symbols]


def test_a_stale_series_of_a_held_symbol_is_in_the_way_and_the_flat_ones_beside_it_are_not_named() -> None:
    assert in_the_way(some(BTC, ETH), {ETH}, 100) == some(ETH)


def test_stale_flat_series_are_in_the_way_only_when_they_are_more_than_half_of_all() -> None:
    assert list(in_the_way(some(BTC, ETH), {SOL}, 4)) == []
    assert in_the_way(some(BTC, ETH), {SOL}, 3) == some(BTC, ETH)
    assert list(in_the_way([], {SOL}, 0)) == []
