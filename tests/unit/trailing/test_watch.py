from dataclasses import replace
from decimal import Decimal as D

from libs.common.units import Instant, Side
from services.trailing.core.watch import Asked, begin, hear, is_unanswered, observe
from tests.support.positions import OPENED_AT, open_position, price_of, priced

NOW = Instant(1_000)


def test_a_watch_begins_at_the_entry_with_the_venues_stop_as_its_floor() -> None:
    watch = begin(open_position(), OPENED_AT)
    assert (watch.best, watch.floor) == (price_of(100), price_of(98))


def test_the_floor_is_the_tighter_of_what_is_known_and_what_was_asked() -> None:
    watch = begin(open_position(), OPENED_AT)
    assert replace(watch, asked=Asked(price_of(99), "", NOW)).floor == 99
    assert replace(watch, asked=Asked(price_of(97), "", NOW)).floor == 98
    short = begin(open_position(side=Side.SHORT, stop="102", initial_stop="102"), OPENED_AT)
    assert replace(short, asked=Asked(price_of(101), "", NOW)).floor == 101
    naked = begin(open_position(stop=None), OPENED_AT)
    assert naked.floor is None
    assert replace(naked, asked=Asked(price_of(97), "", NOW)).floor == 97


def test_an_older_version_never_replaces_a_newer_one() -> None:
    newer = hear(begin(open_position(), OPENED_AT), open_position(version=3, stop="99"), OPENED_AT)
    assert newer.position.stop == 99
    assert hear(newer, open_position(version=2, stop="98.5"), OPENED_AT) == newer
    assert hear(newer, open_position(version=3, stop="99"), OPENED_AT) == newer


def test_the_trace_of_the_opening_is_kept_when_a_snapshot_has_none() -> None:
    watch = hear(begin(open_position(), OPENED_AT, "candle-1"), open_position(version=2), OPENED_AT, "")
    assert watch.trace == "candle-1"
    assert hear(begin(open_position(), OPENED_AT), open_position(), OPENED_AT, "candle-2").trace == "candle-2"


def test_the_best_price_only_improves() -> None:
    watch = begin(open_position(), OPENED_AT)
    for price, best in (("99", 100), ("104", 104), ("103", 104)):
        watch = observe(watch, priced(price), NOW)
        assert watch.best == best


def test_a_price_of_before_the_opening_counts_for_nothing() -> None:
    watch = begin(open_position(), OPENED_AT)
    assert observe(watch, priced("150", at=Instant(OPENED_AT - 1)), NOW) == watch
    assert observe(watch, priced("150"), NOW).best == 150


def test_the_time_beyond_the_stop_starts_at_its_first_price_and_ends_when_the_price_returns() -> None:
    watch = observe(begin(open_position(), OPENED_AT), priced("97"), Instant(5))
    assert observe(watch, priced("96"), Instant(9)).beyond_since == 5
    assert observe(watch, priced("98.5"), Instant(9)).beyond_since is None


def test_another_stop_starts_the_time_beyond_it_anew() -> None:
    watch = observe(begin(open_position(), OPENED_AT), priced("97"), Instant(5))
    assert hear(watch, open_position(version=2, stop="97.5"), OPENED_AT).beyond_since is None
    assert hear(watch, open_position(version=2), OPENED_AT).beyond_since == 5


def test_a_stop_is_unanswered_when_it_is_missing_by_more_than_rounding_for_long() -> None:
    asked = replace(begin(open_position(), OPENED_AT), asked=Asked(price_of("99.03"), "", NOW))
    assert not is_unanswered(asked, least=D("0.05"), now=Instant(10_999), patience_ms=10_000)
    assert is_unanswered(asked, least=D("0.05"), now=Instant(11_000), patience_ms=10_000)
    rounded = hear(asked, open_position(version=2, stop="99.0"), OPENED_AT)
    assert not is_unanswered(rounded, least=D("0.05"), now=Instant(11_000), patience_ms=10_000)
    naked = replace(asked, position=open_position(stop=None))
    assert is_unanswered(naked, least=D("0.05"), now=Instant(11_000), patience_ms=10_000)
    assert not is_unanswered(begin(open_position(), OPENED_AT), least=D(0), now=Instant(10**9), patience_ms=0)
