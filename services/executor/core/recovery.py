"""What a start does about what it finds: six actions, decided from the ledger and the venue alone.

1. `plan` is total: every pair of saved and actual states has exactly one action.
2. An empty ledger is never a contradiction: it is rebuilt from the venue.
3. A contradiction in one symbol leaves every other symbol managed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from libs.common.contracts.recovery import Finding, Phase, RecoveryAction
from libs.common.units import Symbol
from services.executor.core.reconcile import Match, Verdict

WHOLE_ACCOUNT: Final = Symbol("")
Policy = Literal["adopt", "review"]


@dataclass(frozen=True, slots=True)
class Saved:
    """What the last session left: `empty` when the ledger has never known an order, or is being read off the venue."""

    managing: bool
    empty: bool
    reviews: frozenset[Symbol] = frozenset()  # from earlier starts, not accepted yet


@dataclass(frozen=True, slots=True)
class Found:
    """What the venue says, matched with the ledger."""

    matches: Sequence[Match]
    hedged: bool = False
    unexplained: frozenset[Symbol] = frozenset()  # symbols with an entry id of ours that the ledger cannot explain
    unresolved: frozenset[Symbol] = frozenset()  # symbols with an intent that stays unknown


@dataclass(frozen=True, slots=True)
class Recovery:
    action: RecoveryAction
    phase: Phase
    findings: tuple[Finding, ...] = ()
    reviews: frozenset[Symbol] = field(default=frozenset())  # symbols that wait for a person


def plan(saved: Saved, found: Found, *, foreign: Policy = "adopt") -> Recovery:
    """Choose the action for a start."""
    findings = tuple(Finding(symbol=m.symbol, text=m.told()) for m in found.matches if m.verdict is not Verdict.SAME)
    contradictions = _contradictions(saved, found, foreign)
    at_venue = any(m.venue is not None for m in found.matches)
    if contradictions:
        reviews = frozenset(Symbol(c.symbol) for c in contradictions)
        return Recovery(RecoveryAction.MANUAL_REVIEW_NEEDED, Phase.SEEKING_ENTRY, (*findings, *contradictions), reviews)
    phase = Phase.MANAGING_POSITIONS if at_venue else Phase.SEEKING_ENTRY
    return Recovery(_peaceful(saved.managing, at_venue, found.matches), phase, findings)


def _peaceful(managing: bool, at_venue: bool, matches: Sequence[Match]) -> RecoveryAction:
    if managing and at_venue:
        same = all(m.verdict is Verdict.SAME for m in matches)
        return RecoveryAction.CONTINUE_NORMAL if same else RecoveryAction.UPDATE_POSITIONS
    if managing:
        return RecoveryAction.SWITCH_TO_SEEKING
    return RecoveryAction.SWITCH_TO_MANAGING if at_venue else RecoveryAction.CONTINUE_SEEKING


def _contradictions(saved: Saved, found: Found, foreign: Policy) -> Sequence[Finding]:
    told = []
    if found.hedged:
        told.append(Finding(symbol=WHOLE_ACCOUNT, text="the account is in hedge mode: set it to one-way mode"))
    for m in found.matches:
        if m.verdict is Verdict.FLIPPED:
            told.append(Finding(symbol=m.symbol, text="the position changed side outside of our hands"))
        if m.verdict is Verdict.FOREIGN and foreign == "review" and not saved.empty:
            told.append(Finding(symbol=m.symbol, text="a position that is not ours, and foreign ones are reviewed"))
    if not saved.empty:
        for symbol in sorted(found.unexplained):
            told.append(
                Finding(symbol=symbol, text="an entry with our name that the ledger does not know: a second instance?")
            )
    for symbol in sorted(found.unresolved):
        told.append(Finding(symbol=symbol, text="an order of ours stays unknown"))
    for symbol in sorted(saved.reviews):
        told.append(Finding(symbol=symbol, text="waits for a person since an earlier start"))
    return told
