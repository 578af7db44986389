from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironkeel.local.lockstep import (
    QUARTER_MS,
    Exchange,
    Group,
    Look,
    Report,
    Streams,
    backlog,
    entry,
    next_step,
    report_of,
    unrest,
)
from libs.common.units import MINUTE_MS

AT_REST = Look(
    exchange=Exchange(market_ms=900_000, ended=False, executions=4),
    streams=Streams({"signal": "5-0", "price": "9-1"}, (Group("signal", "executor", "5-0", 0),)),
    reports=(
        Report("fetcher", True, market_ms=900_000),
        Report("executor", True, cursors={"price": "9-1"}, facts={"executions": 4}),
        Report("trailing", True, cursors={"price": "9-1"}),
    ),
)


def test_the_market_steps_by_whole_minutes() -> None:
    assert next_step(0) == MINUTE_MS
    assert next_step(90_000) == 30_000


def test_the_last_moment_before_a_quarter_is_a_step_of_its_own() -> None:
    assert next_step(QUARTER_MS - MINUTE_MS) == MINUTE_MS - 1
    assert next_step(QUARTER_MS - 1) == 1
    assert next_step(QUARTER_MS) == MINUTE_MS


@given(st.integers(0, 10 * QUARTER_MS))
def test_no_step_leaps_over_a_quarter_or_stands_still(now: int) -> None:
    after = now + next_step(now)
    assert now < after <= now + MINUTE_MS
    assert after // QUARTER_MS == now // QUARTER_MS or after % QUARTER_MS == 0


def test_everybody_at_rest_lets_the_market_go() -> None:
    assert unrest(AT_REST) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Report("fetcher", False), "fetcher does not answer"),
        (Report("predictor", True, ready=False), "predictor is not ready"),
        (Report("fetcher", True, market_ms=899_999), "fetcher has the market up to 899999"),
        (Report("fetcher-2", True, market_ms=1), "fetcher-2 has the market up to 1"),
        (Report("executor", True, facts={"executions": 3}), "executor knows 3 of 4 executions"),
        (Report("executor", True, facts={"executions": 4, "outbox": 1}), "executor has events to publish"),
        (Report("predictor", True, in_flight=2), "predictor has 2 in flight"),
        (Report("trailing", True, cursors={"price": "9-0"}), "trailing reads price"),
        (Report("trailing", True, cursors={"price": ""}), "trailing reads price"),
    ],
)
def test_anybody_at_work_holds_the_market(change: Report, reason: str) -> None:
    others = tuple(report for report in AT_REST.reports if report.name != change.name)
    assert unrest(replace(AT_REST, reports=(change, *others))) == reason


def test_a_fetcher_to_which_no_symbol_fell_holds_nobody_up_once_the_others_have_them_all() -> None:
    idle = Report("fetcher-9", True, facts={"symbols": 0})
    assert unrest(replace(AT_REST, reports=(*AT_REST.reports, idle))) is None
    unsettled = replace(idle, in_flight=1)
    assert unrest(replace(AT_REST, reports=(*AT_REST.reports, unsettled))) == "fetcher-9 has 1 in flight"


@pytest.mark.parametrize("group", [Group("signal", "executor", "4-0", 0), Group("signal", "executor", "5-0", 1)])
def test_a_message_that_is_unread_or_unacknowledged_holds_the_market(group: Group) -> None:
    streams = replace(AT_REST.streams, groups=(group,))
    assert backlog(streams) == unrest(replace(AT_REST, streams=streams)) == "executor has signal to handle"


def test_entry_ids_are_compared_as_numbers() -> None:
    assert entry("10-0") > entry("9-5") > entry("9-4") > entry("0-0") == entry("$") == entry("")


def test_a_report_that_never_came_is_a_dead_process() -> None:
    assert report_of("executor", None) == Report("executor", answered=False)
    told = {"ready": True, "market_ms": 5, "in_flight": 1, "cursors": {"price": "1-0"}, "facts": {"executions": 2}}
    assert report_of("executor", told) == Report("executor", True, True, 5, 1, {"price": "1-0"}, {"executions": 2})
