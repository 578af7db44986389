"""When a snapshot is due, and which ones go: by wall time, bounded in number and size."""

from dataclasses import replace

import pytest

from libs.common.contracts.trades import CloseReason
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant
from services.executor.core.backup import (
    HALF,
    KEPT_MS,
    LARGEST,
    LEAST_MS,
    is_due,
    name_of,
    newest,
    parse,
    stale,
    state_of,
)
from services.executor.core.kept import Kept
from tests.support.matches import held

NOW = Instant(1_800_000_000_123)
STATE = "0123456789ab"


def ago(ms: int, state: str = STATE) -> str:
    return name_of(Instant(NOW - ms), state)


def test_a_name_says_when_and_of_what_state() -> None:
    name = name_of(NOW, STATE)
    assert name == "2027-01-15T08-00-00.123Z-0123456789ab.json"
    found = parse(name)
    assert found is not None
    assert (found.at, found.state, found.name) == (NOW, STATE, name)


@pytest.mark.parametrize("name", ["", "x.json", "2027-01-15Z-0123456789ab.json", ago(0) + HALF, f"2027Z-{STATE}.json"])
def test_what_is_not_ours_has_no_name(name: str) -> None:
    assert parse(name) is None


def test_the_newest_is_the_newest() -> None:
    assert newest([ago(5), "notes.txt", ago(0), ago(9)]) == parse(ago(0))
    assert newest(["notes.txt"]) is None


def test_every_change_but_that_of_a_price_is_another_state() -> None:
    kept = Kept(held())
    states = {
        state_of([], 0),
        state_of([], 1),
        state_of([kept], 0),
        state_of([replace(kept, position=kept.position.model_copy(update={"version": 9}))], 0),
        state_of([replace(kept, closing=CloseReason.MANUAL)], 0),
    }
    assert len(states) == 5
    assert state_of([kept], 0) == state_of([Kept(held())], 0)


@pytest.mark.parametrize(
    ("age", "state", "due"),
    [
        (LEAST_MS - 1, "other", False),
        (LEAST_MS, "other", True),
        (DAY_MS - 1, STATE, False),
        (DAY_MS, STATE, True),
    ],
)
def test_one_is_due_on_change_but_not_too_often_and_once_a_day_without(age: int, state: str, due: bool) -> None:
    assert is_due(parse(ago(age)), state, NOW) is due
    assert is_due(None, state, NOW)


def test_all_of_the_last_hour_stay_then_the_last_of_every_hour_for_fourteen_days() -> None:
    every = range(0, KEPT_MS + 2 * DAY_MS, 10 * MINUTE_MS)
    sizes = {ago(ms): 1 for ms in every}
    left = sizes.keys() - set(stale(sizes, NOW))
    ages = sorted(NOW - one.at for one in filter(None, map(parse, left)))
    assert ages[:6] == [ms for ms in every if ms < HOUR_MS]
    assert max(ages) <= KEPT_MS
    hours = [(NOW - age) // HOUR_MS for age in ages if age >= HOUR_MS]
    assert len(hours) == len(set(hours))
    assert 14 * 24 - 1 <= len(hours) <= 14 * 24 + 1


def test_the_newest_stays_however_old_or_large_it_is() -> None:
    assert stale({ago(2 * KEPT_MS): LARGEST + 1}, NOW) == []


def test_the_oldest_go_when_they_would_fill_the_disk() -> None:
    sizes = {ago(ms): LARGEST // 3 for ms in range(5)}
    assert stale(sizes, NOW) == [ago(3), ago(4)]


def test_what_a_crash_left_half_written_goes_and_what_is_not_ours_stays() -> None:
    sizes = {ago(5 * MINUTE_MS) + HALF: 1, ago(1) + HALF: 1, "notes.txt": LARGEST, ago(0): 1, f"x{HALF}": 1}
    assert stale(sizes, NOW) == [ago(5 * MINUTE_MS) + HALF]
