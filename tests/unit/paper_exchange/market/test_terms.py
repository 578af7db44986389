from decimal import Decimal

import pytest

from libs.common.clock import parse_iso
from libs.common.errors import Misconfigured
from libs.common.units import DAY_MS, HOUR_MS, Instant
from services.paper_exchange.core.market.span import Span
from services.paper_exchange.core.market.terms import Terms, beat_of, redated
from services.paper_exchange.core.market.trail import Beat

FIRST = parse_iso("2025-07-05")
SPAN = Span(parse_iso("2025-09-27"), parse_iso("2025-12-31"))  # a Saturday on
WALL = parse_iso("2026-11-25T18:40:07.123")  # a Wednesday


def test_what_somebody_watches_ticks_every_second() -> None:
    assert [beat_of(speed) for speed in (Decimal(1), Decimal(10), Decimal(60), None)] == [
        Beat.SECOND,
        Beat.SECOND,
        Beat.CANDLE,
        Beat.CANDLE,
    ]


def test_terms_are_read_as_they_were_written() -> None:
    for terms in (Terms(Beat.SECOND, 424 * DAY_MS, True), Terms(Beat.CANDLE, 0, False)):
        assert Terms.read(terms.text()) == terms


def test_weekday_and_time_of_day_survive() -> None:
    played = WALL - redated(FIRST, SPAN, WALL, by_day=False)

    assert played == parse_iso("2025-10-01T18:40:07.123")  # a Wednesday


def test_a_day_that_was_asked_for_is_the_day_that_is_played() -> None:
    played = WALL - redated(FIRST, SPAN, WALL, by_day=True)

    assert played == parse_iso("2025-09-27T18:40:07.123")


def test_where_no_week_is_left_a_day_will_do_and_else_the_day_before() -> None:
    short = Span(SPAN.start, Instant(SPAN.start + DAY_MS))
    shorter = Span(SPAN.start, Instant(SPAN.start + HOUR_MS))

    assert WALL - redated(FIRST, short, WALL, by_day=False) == parse_iso("2025-09-27T18:40:07.123")
    assert WALL - redated(FIRST, shorter, WALL, by_day=False) == parse_iso("2025-09-26T18:40:07.123")


def test_data_from_after_today_are_played_today_as_well() -> None:
    wall = parse_iso("2024-01-01T12:00")

    assert wall - redated(FIRST, SPAN, wall, by_day=True) == parse_iso("2025-09-27T12:00")


def test_data_without_this_time_of_day_are_refused() -> None:
    hour = Span(SPAN.start, Instant(SPAN.start + HOUR_MS))

    with pytest.raises(Misconfigured, match=r"paper\.speed = 1: the data hold less than a day"):
        redated(hour.start, hour, WALL, by_day=False)
