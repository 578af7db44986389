from decimal import Decimal
from typing import Any

from libs.common.exchange.market_types import Candle
from libs.common.units import Instant, Price
from services.fetcher.core.outliers import WINDOW
from services.fetcher.core.quarantine import CASES, CONFIRMED, Confirmed, Kind, Quarantine, Quarantined
from tests.support.venue_candles import BTC, MORNING, closes_at, venue_candle

D = Decimal
KEY = (BTC, venue_candle(0).timeframe)
NOW = closes_at(2_000)


def judged() -> Quarantine:
    """A quarantine that knows the tick and the WINDOW candles before number WINDOW."""
    made = Quarantine(ticks={BTC: Price(D(1))})
    made.remember(venue_candle(n) for n in range(WINDOW))
    return made


def heard(candle: Candle) -> Candle:
    return candle._replace(closed=True)


def spike(**changes: Any) -> Candle:
    return venue_candle(WINDOW, high=D(1_500), **changes)


def test_an_ordinary_candle_is_admitted_and_nothing_is_said() -> None:
    quarantine = judged()
    assert quarantine.admits(venue_candle(WINDOW))
    assert quarantine.news() == []
    assert not quarantine.holds(KEY)


def test_an_impossible_candle_is_never_admitted_however_often_it_is_told() -> None:
    quarantine, wrong = judged(), venue_candle(WINDOW, close=D(0))
    assert all(quarantine.refuses(wrong, NOW) for _ in range(CONFIRMED * 2))
    assert [type(news) for news in quarantine.news()] == [Quarantined]
    assert quarantine.counts == {"impossible": 1}
    assert quarantine.why(KEY, wrong.open_at) == "a price is not above zero, or beyond all bounds"


def test_a_candle_that_has_no_place_in_its_series_is_refused_and_keeps_none_back() -> None:
    quarantine = judged()
    assert quarantine.refuses(venue_candle(0, open_at=Instant(MORNING + 1)), NOW)
    assert quarantine.refuses(venue_candle(2_001), NOW)
    assert quarantine.counts == {"impossible": 2}
    assert quarantine.held == 0


def test_a_doubtful_candle_is_admitted_when_the_venue_has_repeated_it() -> None:
    quarantine = judged()
    assert [quarantine.admits(candle) for candle in [heard(spike())] + CONFIRMED * [spike()]] == [
        *[False] * CONFIRMED,
        True,
    ]
    first, last = quarantine.news()
    assert isinstance(first, Quarantined)
    assert first.kind is Kind.OUTLIER
    assert isinstance(last, Confirmed)
    assert quarantine.counts == {"outlier": 1, "confirmed": 1}


def test_what_the_stream_repeats_confirms_nothing() -> None:
    quarantine = judged()
    assert not any(quarantine.admits(heard(spike())) for _ in range(CONFIRMED * 2))


def test_a_volume_that_was_corrected_is_no_other_candle_and_another_price_is() -> None:
    quarantine = judged()
    quarantine.admits(spike())
    quarantine.admits(spike(volume=D(11)))
    assert not quarantine.admits(spike(low=D(998)))
    assert not quarantine.admits(spike(low=D(998)))
    assert quarantine.admits(spike(low=D(998)))
    assert [type(news) for news in quarantine.news()] == [Quarantined, Quarantined, Confirmed]
    assert quarantine.counts["outlier"] == 1


def test_the_candle_that_the_venue_corrected_is_admitted_at_once() -> None:
    quarantine = judged()
    quarantine.admits(heard(spike()))
    assert quarantine.admits(venue_candle(WINDOW))
    quarantine.passed(KEY, spike().open_at)
    assert not quarantine.holds(KEY)


def test_a_candle_off_its_tick_is_in_doubt_until_the_tick_is_known_to_have_changed() -> None:
    quarantine, finer = judged(), venue_candle(WINDOW, close=Price(D("1001.5")), high=Price(D(1_034)))
    assert not quarantine.admits(finer)
    assert quarantine.doubts_ticks
    assert quarantine.why(KEY, finer.open_at) == "its close of 1001.5 is not on the tick of 1"
    quarantine.ticks = {BTC: Price(D("0.5"))}
    assert quarantine.admits(finer)


def test_of_a_symbol_whose_tick_is_not_known_no_price_is_off_it() -> None:
    quarantine = Quarantine()
    assert quarantine.admits(venue_candle(0, close=Price(D("1000.123"))))


def test_what_is_passed_over_is_kept_no_longer_and_what_is_behind_it_is() -> None:
    quarantine = judged()
    for n in (0, 2):
        quarantine.refuses(venue_candle(n, close=D(0)), NOW)
    assert quarantine.held == 2
    quarantine.passed(KEY, venue_candle(1).open_at)
    assert quarantine.held == 1
    assert quarantine.why(KEY, venue_candle(0).open_at) is None
    quarantine.forget(KEY)
    assert not quarantine.holds(KEY)


def test_only_so_many_candles_of_a_series_are_kept() -> None:
    quarantine = judged()
    for n in range(CASES + 5):
        quarantine.refuses(venue_candle(n, close=D(0)), NOW)
    assert quarantine.held == CASES
    assert quarantine.why(KEY, MORNING) is None
