import pytest

from libs.common.clock import parse_iso
from libs.common.errors import Misconfigured
from libs.common.units import DAY_MS, HOUR_MS, Instant
from services.paper_exchange.core.market.span import Span, choose, default_start

FIRST, LAST = parse_iso("2025-07-05"), parse_iso("2025-12-31")


def test_two_thousand_hours_of_history_are_left_for_the_first_training() -> None:
    assert default_start(FIRST, LAST) == parse_iso("2025-09-27")


def test_of_short_data_at_least_half_is_played() -> None:
    assert default_start(FIRST, Instant(FIRST + 10 * DAY_MS)) == FIRST + 5 * DAY_MS


def test_of_less_than_four_days_two_are_left_behind_if_anything_is_left_to_play() -> None:
    assert default_start(FIRST, Instant(FIRST + 3 * DAY_MS)) == FIRST + 2 * DAY_MS
    assert default_start(FIRST, Instant(FIRST + 2 * DAY_MS)) == FIRST + DAY_MS


def test_what_is_asked_for_is_played() -> None:
    asked = Span(Instant(FIRST + HOUR_MS), Instant(FIRST + 2 * HOUR_MS))

    assert choose(FIRST, LAST, asked.start, asked.end) == asked
    assert choose(FIRST, LAST, asked.start, None) == Span(asked.start, LAST)


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (FIRST - 1, None, r"paper\.from = 2025-07-04T23:59Z: outside the data, .*2025-07-05T00:00Z to 2025-12-31"),
        (LAST, None, r"paper\.from = 2025-12-31"),
        (FIRST, LAST + 1, r"paper\.to = .* at most 2025-12-31"),
        (FIRST + 1, FIRST + 1, r"paper\.to = "),
    ],
)
def test_what_is_not_in_the_data_is_refused_with_what_is_allowed(start: int, end: int | None, text: str) -> None:
    with pytest.raises(Misconfigured, match=text):
        choose(FIRST, LAST, Instant(start), None if end is None else Instant(end))
