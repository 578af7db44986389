from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from libs.common.contracts.postmortems import Category, Severity
from libs.common.contracts.trades import CloseReason
from libs.common.units import Instant
from services.postmortem.adapters.archive import Archive
from services.postmortem.adapters.index import FILE, Index, Wanted, open_index, outcome_of, outcome_of_report
from services.postmortem.core.report import explain
from services.postmortem.core.statistics import Outcome
from tests.support.trades import trade


def lost(number: int, *, symbol: str = "BTCUSDT", reason: CloseReason = CloseReason.STOP_LOSS) -> Outcome:
    made = trade(trade_id=f"t{number}", symbol=symbol, close_reason=reason, closed_at=Instant(10 * number + 10**13))
    return outcome_of_report(explain(made))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = open_index(Archive(tmp_path))
    yield opened
    opened.close()


def test_a_trade_is_known_once_it_is_entered_and_entering_it_again_changes_nothing(index: Index) -> None:
    winner = outcome_of(trade(exit_price="110"))
    assert not index.knows(winner.trade_id)
    assert index.newest() is None
    for _ in range(2):
        index.enter(winner)
    assert index.knows(winner.trade_id)
    assert index.outcomes() == [winner]
    assert index.newest() == winner.closed_at


def test_only_losses_are_listed_newest_first_page_by_page(index: Index) -> None:
    losses = [lost(number) for number in range(5)]
    for each in (*losses, outcome_of(trade(exit_price="110"))):
        index.enter(each)
    first = index.reported(Wanted(limit=3))
    assert first == losses[:1:-1]
    rest = index.reported(Wanted(limit=3, before=(first[-1].closed_at, first[-1].trade_id)))
    assert rest == [losses[1], losses[0]]


def test_trades_that_closed_at_one_moment_are_all_listed(index: Index) -> None:
    together = [replace(lost(number), closed_at=Instant(7)) for number in range(3)]
    for each in together:
        index.enter(each)
    one = index.reported(Wanted(limit=1))[0]
    assert index.reported(Wanted(before=(one.closed_at, one.trade_id))) == [together[1], together[0]]


def test_every_filter_keeps_what_it_names(index: Index) -> None:
    stopped, by_hand, other = lost(1), lost(2, reason=CloseReason.MANUAL), lost(3, symbol="ETHUSDT")
    for each in (stopped, by_hand, other):
        index.enter(each)
    assert index.reported(Wanted(symbol="ETHUSDT")) == [other]
    assert index.reported(Wanted(category=Category.PREMATURE_EXIT)) == [by_hand]
    assert index.reported(Wanted(severity=Severity.CRITICAL)) == []
    assert index.reported(Wanted(since=by_hand.closed_at)) == [other, by_hand]
    assert index.reported(Wanted(until=by_hand.closed_at)) == [stopped]


@pytest.mark.parametrize("damage", ["lost", "broken"])
def test_an_index_that_is_gone_is_made_again_from_the_reports(tmp_path: Path, damage: str) -> None:
    archive, report = Archive(tmp_path), explain(trade())
    archive.write(report)
    first = open_index(archive)
    first.enter(outcome_of_report(report))
    first.close()
    for file in tmp_path.glob(f"{FILE}*"):
        file.unlink()
    if damage == "broken":
        (tmp_path / FILE).write_bytes(b"this is no database" * 100)
    again = open_index(archive)
    assert again.outcomes() == [outcome_of_report(report)]
    again.close()
