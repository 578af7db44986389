"""One row of safety's table a test, and what may not be mistaken for another."""

import pytest

from libs.common.contracts.positions import OpenPosition
from libs.common.contracts.recovery import Phase, RecoveryAction
from libs.common.exchange.trading_types import VenuePosition
from libs.common.units import Side, Symbol
from services.executor.core.reconcile import match
from services.executor.core.recovery import Found, Saved, plan
from tests.support.matches import BTC, at_venue, held

A = RecoveryAction
ETH = Symbol("ETHUSDT")
SEEKING, MANAGING = Phase.SEEKING_ENTRY, Phase.MANAGING_POSITIONS


def found(ledger: list[OpenPosition], venue: list[VenuePosition], **said: frozenset[Symbol] | bool) -> Found:
    return Found(match({p.symbol: p for p in ledger}, venue, frozenset()), **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ledger", "venue", "action", "phase"),
    [
        ([held()], [at_venue()], A.CONTINUE_NORMAL, MANAGING),
        ([], [at_venue()], A.SWITCH_TO_MANAGING, MANAGING),
        ([held(qty="1")], [at_venue(qty="2")], A.UPDATE_POSITIONS, MANAGING),
        ([held(entry="100")], [at_venue(entry="120")], A.UPDATE_POSITIONS, MANAGING),
        ([held(BTC)], [at_venue(ETH)], A.UPDATE_POSITIONS, MANAGING),
        ([held(BTC), held(ETH)], [at_venue(ETH)], A.UPDATE_POSITIONS, MANAGING),
        ([held()], [], A.SWITCH_TO_SEEKING, SEEKING),
        ([], [], A.CONTINUE_SEEKING, SEEKING),
        ([held()], [at_venue(side=Side.SHORT)], A.MANUAL_REVIEW_NEEDED, SEEKING),
    ],
)
def test_what_was_saved_and_what_is_there_choose_one_action(
    ledger: list[OpenPosition], venue: list[VenuePosition], action: RecoveryAction, phase: Phase
) -> None:
    recovery = plan(Saved(bool(ledger), empty=False), found(ledger, venue))
    assert (recovery.action, recovery.phase) == (action, phase)


@pytest.mark.parametrize(
    ("saved", "seen", "reviewed"),
    [
        (Saved(False, False), found([], [], hedged=True), ""),
        (Saved(False, False), found([], [], unexplained=frozenset({BTC})), BTC),
        (Saved(False, False), found([], [], unresolved=frozenset({BTC})), BTC),
        (Saved(False, False, frozenset({BTC})), found([], []), BTC),
    ],
)
def test_a_contradiction_waits_for_a_person(saved: Saved, seen: Found, reviewed: str) -> None:
    recovery = plan(saved, seen)
    assert recovery.action is A.MANUAL_REVIEW_NEEDED
    assert recovery.reviews == {reviewed}
    assert any(finding.symbol == reviewed for finding in recovery.findings)


def test_a_foreign_position_is_reviewed_only_where_that_is_wanted() -> None:
    seen = found([], [at_venue()])
    assert plan(Saved(False, False), seen, foreign="review").action is A.MANUAL_REVIEW_NEEDED
    assert plan(Saved(False, False), seen, foreign="adopt").action is A.SWITCH_TO_MANAGING


def test_an_empty_ledger_is_not_a_second_instance() -> None:
    seen = found([], [at_venue()], unexplained=frozenset({BTC}))
    assert plan(Saved(False, empty=True), seen, foreign="review").action is A.SWITCH_TO_MANAGING


def test_a_dispute_in_one_symbol_leaves_the_others_alone() -> None:
    seen = found([held(BTC), held(ETH)], [at_venue(BTC, side=Side.SHORT), at_venue(ETH)])
    assert plan(Saved(True, False), seen).reviews == {BTC}
