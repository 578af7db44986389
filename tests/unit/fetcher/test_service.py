"""What a fetcher makes of the venue's list, and of what it hears of symbols that ended."""

from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import CandleClosedFrame, FeedDown, FeedUp, PriceFrame
from libs.common.exchange.memory import instrument
from libs.common.units import Instant, Price, Symbol
from services.fetcher.core.catch_up import Lane
from services.fetcher.service import LISTING_MS, PUZZLED_MS, Fetcher
from tests.support.fetchers import M15, STALE_MS
from tests.support.venue_candles import BTC, closes_at, venue_candle

ETH: Final = Symbol("ETHUSDT")
BOTH: Final = (BTC, ETH)
EVERY: Final = [instrument(symbol) for symbol in BOTH]
ROOM: Final = {Lane.HELD: 9, Lane.OTHER: 9}
WALL: Final = Instant(1_000_000)


def later(ms: int) -> Instant:
    return Instant(WALL + ms)


def price(symbol: Symbol, at: Instant) -> PriceFrame:
    return PriceFrame(symbol, Price(Decimal(1)), Price(Decimal(1)), at)


def complete() -> Fetcher:
    """A fetcher of two symbols that is complete up to candle 9, and has seen the list once."""
    fetcher = Fetcher(BOTH, dict.fromkeys(BOTH, Instant(0)), (M15,), 10, STALE_MS)
    for symbol in BOTH:
        fetcher.gain(symbol, {M15: venue_candle(9).open_at}, WALL)
    fetcher.hear(FeedUp(), BOTH, WALL)
    for symbol in BOTH:
        fetcher.hear(price(symbol, closes_at(9)), BOTH, WALL)
    assert fetcher.asks(WALL, ROOM) == []
    assert fetcher.see_listed(EVERY, WALL) == frozenset()
    assert fetcher.reached == closes_at(9)
    return fetcher


def test_the_list_is_looked_at_at_the_start_and_every_five_minutes() -> None:
    assert Fetcher(BOTH, {}, (M15,), 10, STALE_MS).wants_listing(WALL)
    fetcher = complete()
    assert not fetcher.wants_listing(later(LISTING_MS - 1))
    assert fetcher.wants_listing(later(LISTING_MS))


def test_a_connection_that_was_lost_and_a_candle_that_is_not_there_are_reasons_to_look_sooner() -> None:
    lost = complete()
    lost.hear(FeedDown("refused"), BOTH, WALL)
    assert not lost.wants_listing(later(PUZZLED_MS - 1))
    assert lost.wants_listing(later(PUZZLED_MS))
    empty = complete()
    empty.hear(CandleClosedFrame(venue_candle(11), closes_at(11)), BOTH, WALL)
    assert not empty.wants_listing(later(PUZZLED_MS))
    [ask] = empty.asks(WALL, ROOM)
    empty.answered(ask, [], WALL)
    assert empty.wants_listing(later(PUZZLED_MS))


def test_one_list_that_lacks_a_symbol_ends_nothing_and_is_looked_at_again_soon() -> None:
    fetcher = complete()
    assert fetcher.see_listed(EVERY[1:], later(1)) == frozenset()
    assert fetcher.wants_listing(later(1 + PUZZLED_MS))
    assert fetcher.see_listed(EVERY, later(2)) == frozenset()
    assert fetcher.see_listed(EVERY[:1], later(3)) == frozenset()
    assert fetcher.ended == frozenset()


def test_an_empty_list_is_believed_by_nobody_however_often_it_comes() -> None:
    fetcher = complete()
    for n in range(5):
        assert fetcher.see_listed([], later(n)) == frozenset()
    assert fetcher.ended == frozenset()
    assert fetcher.series.quarantine.ticks.keys() == set(BOTH)
    assert fetcher.wants_listing(later(PUZZLED_MS + 5))


def test_a_symbol_that_two_lists_in_a_row_lack_has_ended_and_is_told_once() -> None:
    fetcher = complete()
    found = [fetcher.see_listed(EVERY[:1], later(n)) for n in range(3)]
    assert found == [frozenset(), {ETH}, frozenset()]
    assert not fetcher.wants_listing(later(PUZZLED_MS + 10))
    assert fetcher.see_listed(EVERY, later(4)) == frozenset()
    assert fetcher.ended == frozenset()


def test_a_symbol_that_has_ended_does_not_hold_up_how_far_the_market_is_decided() -> None:
    fetcher = complete()
    fetcher.hear(price(BTC, Instant(closes_at(9) + 5)), BOTH, WALL)
    assert fetcher.reached == closes_at(9)
    for n in range(2):
        fetcher.see_listed(EVERY[:1], later(n))
    assert fetcher.reached == closes_at(9) + 5


def test_ticks_are_those_of_the_newest_list() -> None:
    fetcher = complete()
    fetcher.see_listed([instrument(BTC, tick="0.5")], later(1))
    assert fetcher.series.quarantine.ticks == {BTC: Decimal("0.5")}


def test_only_series_that_were_complete_once_can_be_late() -> None:
    fetcher = complete()
    sol = Symbol("SOLUSDT")
    fetcher.listed[sol] = Instant(0)
    fetcher.gain(sol, {M15: venue_candle(3).open_at}, WALL)
    for symbol in (sol, BTC):
        fetcher.hear(price(symbol, closes_at(10)), (*BOTH, sol), WALL)
    assert fetcher.loading == {sol}
    fetcher.watch(WALL)
    assert dict(fetcher.lateness(later(500))) == {(BTC, M15): 500, (ETH, M15): 500}
    assert [each.key for each in fetcher.stale(later(STALE_MS))] == [(BTC, M15), (ETH, M15)]
    assert len(fetcher.in_the_way(later(STALE_MS))) == 2
    fetcher.lose(ETH)
    fetcher.watch(later(600))
    assert dict(fetcher.lateness(later(700))) == {(BTC, M15): 700}
