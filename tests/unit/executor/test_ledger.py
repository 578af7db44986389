"""The ledger: what is written together stays together, and survives."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.errors import Fatal, Misconfigured
from libs.common.exchange.trading_types import Execution
from libs.common.units import Instant, Side, Symbol
from services.executor.adapters import journal_rows
from services.executor.adapters.ledger import Ledger
from services.executor.adapters.list_rows import TRADES, Asked
from services.executor.core.admission import Declined
from services.executor.core.intent import Overtaken
from services.executor.core.kept import Kept, PositionStatus
from services.executor.core.order import OrderEvent, OrderState
from services.executor.core.position import fold
from services.executor.core.switch import Level, SwitchState
from services.executor.core.trades import Ending, trade
from tests.support import builders
from tests.support.executions import closes, opens
from tests.support.matches import held
from tests.unit.executor.test_intent import INTENT, LINK, ORDER

NOW, BTC = Instant(5), Symbol("BTCUSDT")


@pytest.fixture
def ledger(tmp_path: Path, ledger_url: str) -> Iterator[Ledger]:
    ledger = Ledger.open(ledger_url, home=tmp_path)
    yield ledger
    ledger.close()


def test_what_fails_in_the_middle_leaves_no_trace(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="half"), ledger.write() as pages:
        pages.add_intent(INTENT)
        raise ValueError("half way")
    with ledger.read() as pages:
        assert pages.intent(LINK) is None


def test_a_second_process_opens_the_same_ledger(ledger: Ledger, tmp_path: Path, ledger_url: str) -> None:
    with ledger.write() as pages:
        pages.add_intent(INTENT)
    with Ledger.open(ledger_url, home=tmp_path).read() as pages:
        assert pages.intent(LINK) == INTENT


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////nowhere/at/all/ledger.db"])
def test_a_ledger_that_cannot_be_opened_is_a_wrong_setting(url: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"executor\.ledger_url"):
        Ledger.open(url, home=tmp_path)


def test_a_ledger_of_garbage_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(bytes(range(256)) * 16)
    with pytest.raises(Misconfigured, match=r"ledger\.db: file is not a database; .* moved away"):
        Ledger.open("", home=tmp_path)


def test_every_holder_of_a_symbol_overtakes_the_one_before(ledger: Ledger) -> None:
    with ledger.write() as pages:
        first, second = pages.take_fence(BTC), pages.take_fence(BTC)
        assert second > first
        pages.check_fence(BTC, second)
        with pytest.raises(Overtaken):
            pages.check_fence(BTC, first)


def test_an_intent_moves_along_its_table_only(ledger: Ledger) -> None:
    with ledger.write() as pages:
        pages.add_intent(INTENT)
        moved = pages.advance(INTENT.link_id, OrderEvent.UNHEARD, now=NOW, reason="EOF")
        assert moved is not None
        assert (moved[1].state, moved[1].reason) == (OrderState.UNKNOWN, "EOF")
        assert [i.link_id for i in pages.live_intents(BTC)] == [LINK]
        assert pages.unexplained([LINK, "ika-BTCUSDT-1-e"]) == ["ika-BTCUSDT-1-e"]


def test_an_older_record_of_an_order_does_not_replace_a_newer_one(ledger: Ledger) -> None:
    from dataclasses import replace

    newer = replace(ORDER, updated_at=Instant(9), filled=ORDER.qty)
    with ledger.write() as pages:
        pages.keep_order(newer)
        pages.keep_order(ORDER)
        assert pages.order(LINK) == newer


def test_an_execution_is_booked_once_with_every_digit(ledger: Ledger) -> None:
    row = opens(1, "0.00000001", "0.000000000000123").execution
    with ledger.write() as pages:
        assert pages.book(row)
        assert not pages.book(row)
        [booked] = pages.to_fold(BTC)
        assert pages.execution_count() == 1
    assert booked.execution == row
    assert isinstance(booked.execution, Execution)


def test_a_position_is_kept_as_it_is(ledger: Ledger) -> None:
    kept = Kept(builders.open_position(), naked_ms=12, trace="t")
    with ledger.write() as pages:
        pages.keep_position(kept)
        assert pages.open_position(BTC) == kept
        assert list(pages.positions(PositionStatus.FLAT)) == []


def test_events_leave_in_order_and_only_once_each(ledger: Ledger) -> None:
    opened, closed = builders.position_opened(), builders.position_closed()
    with ledger.write() as pages:
        pages.emit(opened, closed, opened, owner="one", now=NOW)
        waiting = pages.waiting(owner="one", orphaned_before=Instant(0))
        assert [w.message for w in waiting] == [opened, closed]
        assert not pages.waiting(owner="two", orphaned_before=NOW)
        assert len(pages.waiting(owner="two", orphaned_before=Instant(NOW + 1))) == 2  # left behind by the dead
        pages.published([w.seq for w in waiting], now=NOW)
        assert pages.waiting_count() == 0


def test_switch_reviews_cursors_and_refusals_are_remembered(ledger: Ledger) -> None:
    state = SwitchState(Level.HALTED, True, "me", "news", NOW)
    with ledger.write() as pages:
        assert pages.switch() == SwitchState()
        pages.turn(state)
        pages.ask_review(BTC, "flipped", now=NOW)
        pages.ask_review(BTC, "again", now=NOW)
        pages.set_cursor("executions", "7")
        pages.decline("s-1", BTC, Side.LONG, Declined("size", "dust"), at=NOW)
    with ledger.read() as pages:
        assert pages.switch() == state
        assert pages.reviews() == {BTC: "flipped"}
        assert pages.cursor("executions") == "7"
        assert pages.was_declined("s-1")
        assert pages.declined_by_rule() == {"size": 1}
    with ledger.write() as pages:
        pages.accept_review(None)
        assert not pages.reviews()


def test_a_clean_stop_is_told_from_a_crash(ledger: Ledger) -> None:
    with ledger.write() as pages:
        first = pages.begin_session("executor", now=NOW)
        crashed = pages.begin_session("executor", now=NOW)
        pages.end_session(crashed.session_id, now=NOW)
        stopped = pages.begin_session("executor", now=NOW)
    assert (first.first, crashed.clean, stopped.clean) == (True, False, True)
    assert len({first.session_id, crashed.session_id, stopped.session_id}) == 3


def test_tries_are_tallied_and_a_crash_is_neither_success_nor_failure(ledger: Ledger) -> None:
    with ledger.write() as pages:
        for at, kind in enumerate(("began", "failed", "began", "phase", "began", "done")):
            pages.note("session", kind, "", wall=Instant(NOW + at))
        assert pages.tally() == {"attempts": 3, "successes": 1, "failures": 1}
        assert pages.tally(since=Instant(NOW + 2)) == {"attempts": 2, "successes": 1, "failures": 0}
        assert [step["wall"] for step in pages.recovery_log(2)] == [NOW + 5, NOW + 4]
        assert [step["wall"] for step in pages.recovery_log(kind="began")] == [NOW + 4, NOW + 2, NOW]


def test_the_recovery_log_is_bounded(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_rows, "KEPT", 3)
    with ledger.write() as pages:
        for at in range(10):
            pages.note("session", "failed", "", wall=Instant(at))
        assert [step["wall"] for step in pages.recovery_log()] == [9, 8, 7]


def test_a_ledger_whose_file_is_gone_or_another_stops_whoever_has_it(tmp_path: Path) -> None:
    """What is written to a file without a name is read by nobody again."""
    ledger = Ledger.open("", home=tmp_path)
    (tmp_path / "ledger.db").rename(tmp_path / "moved.db")
    with pytest.raises(Fatal, match="deleted or replaced"), ledger.read():
        pass
    Ledger.open("", home=tmp_path)
    with pytest.raises(Fatal, match="deleted or replaced"), ledger.write():
        pass


def test_trades_are_paged_newest_first_without_repeats(ledger: Ledger) -> None:
    with ledger.write() as pages:
        for number in range(5):
            rows = [
                opens(2 * number + 1, "1", "100", link_id=f"ika-BTCUSDT-{number + 1}-e"),
                closes(2 * number + 2, "1", "90"),
            ]
            [trip] = fold(rows).trips
            closed = trade(trip, Ending(held(), None, None, 0, ""), {})
            pages.close_trade(Kept(held(), trace=trip.position_id), closed, ())
        assert pages.last_loss_at(BTC) == 10_000
        assert pages.earned(Instant(9_000)) == Decimal("-10.2")
        assert len(pages.results()) == 5
        found, cursor = [], ""
        while True:
            items, following = pages.page(TRADES, Asked(limit=2, cursor=cursor, symbol="BTCUSDT"))
            found += [item["closed_at"] for item in items]
            if following is None:
                break
            cursor = following
        assert found == [10_000, 8_000, 6_000, 4_000, 2_000]
        assert not pages.page(TRADES, Asked(since=10_001))[0]
        with pytest.raises(ValueError, match="no cursor of ours"):
            pages.page(TRADES, Asked(cursor="made up"))
