from decimal import Decimal

from libs.common.units import HOUR_MS, Instant
from services.paper_exchange.core.market.schedule import BASE_RATE, Schedule

RECORDED = ((Instant(10), Decimal("0.01")), (Instant(20), Decimal("-0.02")), (Instant(30), Decimal("0.03")))


def test_without_a_record_the_base_rate_settles_at_midnight_eight_and_four() -> None:
    assert Schedule(since=Instant(0)).between(0, 24 * HOUR_MS) == tuple(
        (hours * HOUR_MS, BASE_RATE) for hours in (8, 16, 24)
    )


def test_nothing_settles_before_the_listing() -> None:
    assert Schedule(since=Instant(9 * HOUR_MS)).between(0, 16 * HOUR_MS) == ((16 * HOUR_MS, BASE_RATE),)
    assert Schedule(since=Instant(15), recorded=RECORDED).between(0, 25) == RECORDED[1:2]


def test_a_settlement_belongs_to_the_stretch_that_ends_with_it() -> None:
    schedule = Schedule(since=Instant(0), recorded=RECORDED)

    assert (schedule.between(10, 20), schedule.between(20, 29)) == (RECORDED[1:2], ())


def test_the_next_rate_is_guessed_from_the_last_that_is_known() -> None:
    schedule = Schedule(since=Instant(0), recorded=RECORDED)

    assert [schedule.rate(at) for at in (9, 10, 29, 99)] == [BASE_RATE, *(rate for _, rate in RECORDED)]


def test_before_and_after_the_record_the_base_rate_settles() -> None:
    four = 4 * HOUR_MS
    recorded = ((Instant(3 * four), Decimal("0.01")), (Instant(4 * four), Decimal("0.02")))
    schedule = Schedule(since=Instant(0), recorded=recorded)

    assert [at // four for at, _ in schedule.between(0, 8 * four)] == [2, 3, 4, 6, 8]
    assert [schedule.next(at) // four for at in (0, 2 * four, 3 * four, 4 * four)] == [2, 3, 4, 6]


def test_played_later_it_settles_later() -> None:
    schedule = Schedule(since=Instant(5), recorded=RECORDED).later(24 * HOUR_MS)

    assert [at for at, _ in schedule.recorded] == [24 * HOUR_MS + at for at in (10, 20, 30)]
    assert schedule.since == 24 * HOUR_MS + 5
