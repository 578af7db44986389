"""Why a trade lost: one small rule a category, the earliest that speaks is the primary.

1. Every losing trade has a category: the last rule always speaks.
2. A fault of ours, the venue's or a person's comes before anything that blames the signal.
3. A rule says only what the trade itself shows; none guesses at a market it has not seen.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from libs.common.contracts.postmortems import Category, Finding
from libs.common.contracts.trades import CloseReason
from libs.common.ids import parse_link_id
from libs.common.units import MINUTE_MS, SECOND_MS, ZERO, Fraction
from services.postmortem.core.case import Case
from services.postmortem.core.decomposition import STOP_EXITS, is_unexplained
from services.postmortem.core.summary import first_risk, rounded

NAKED_MS: Final = 2_000  # wall; longer without a stop is a breach
HALF: Final = Decimal("0.5")
LATE_MS: Final = MINUTE_MS  # market; a decision is made and sent within seconds of its close
OVERSIZED_RISK: Final = Decimal("0.03")  # of equity, at the first stop
TIGHT_ATR: Final = Decimal(1)
WIDE_ATR: Final = Decimal(4)
NARROW_EDGE: Final = Decimal("0.03")  # confidence above its threshold
CLEAR_EDGE: Final = Decimal("0.10")
BY_HAND: Final = frozenset({CloseReason.MANUAL, CloseReason.EXTERNAL, CloseReason.FLATTEN})

Rule = Callable[[Case], Finding | None]


def found(category: Category, confidence: str | Decimal, evidence: str) -> Finding:
    return Finding(category=category, evidence=evidence, confidence=Fraction(Decimal(confidence)))


def liquidation(case: Case) -> Finding | None:
    """The venue took the position."""
    if case.trade.close_reason is not CloseReason.LIQUIDATION:
        return None
    return found(Category.LIQUIDATION, "1", f"liquidated at {case.trade.exit_price}")


def execution_fault(case: Case) -> Finding | None:
    """It had no live stop for longer than is allowed."""
    if case.trade.naked_ms <= NAKED_MS:
        return None
    return found(Category.EXECUTION_FAULT, "0.9", f"{case.trade.naked_ms} ms without a live stop")


def data_fault(case: Case) -> Finding | None:
    """Its own books do not add up."""
    if not is_unexplained(case.parts):
        return None
    return found(Category.DATA_FAULT, "0.9", f"{case.parts.residue} USDT of the result have no explanation")


def premature_exit(case: Case) -> Finding | None:
    """Somebody closed it before the plan did."""
    if case.trade.close_reason not in BY_HAND:
        return None
    return found(Category.PREMATURE_EXIT, "0.9", f"closed by hand: {case.trade.close_reason}")


def cost_dominated(case: Case) -> Finding | None:
    """Fees and funding ate most of it."""
    costs = case.trade.fees + case.trade.funding
    share = costs / case.loss
    if share < HALF:
        return None
    return found(
        Category.COST_DOMINATED, min(rounded(share), Decimal(1)), f"costs of {costs} USDT, by price {case.trade.gross}"
    )


def late_entry(case: Case) -> Finding | None:
    """The price had moved away before the entry was filled, long after the close that was decided on."""
    name = parse_link_id(case.trade.trade_id)
    lost = -case.parts.entry_slippage
    if name is None or case.trade.opened_at - name.slot < LATE_MS or lost / case.loss < HALF:
        return None
    late = (case.trade.opened_at - name.slot) // SECOND_MS
    return found(Category.LATE_ENTRY, "0.8", f"filled {late} s after the close, {lost} USDT away from its price")


def slippage(case: Case) -> Finding | None:
    """Fills were worse than the prices that caused them, by half of the loss or more."""
    slipped = -(case.parts.entry_slippage + case.parts.exit_slippage)
    share = slipped / case.loss
    if share < HALF:
        return None
    return found(Category.SLIPPAGE, min(rounded(share), Decimal(1)), f"{slipped} USDT between triggers and fills")


def oversized(case: Case) -> Finding | None:
    """More was at risk than any plan allows."""
    risk, equity = first_risk(case.trade), case.trade.equity_at_entry
    if risk is None or equity is None or equity <= ZERO or risk / equity <= OVERSIZED_RISK:
        return None
    return found(Category.OVERSIZED, "0.8", f"{rounded(100 * risk / equity)} % of equity at risk at the first stop")


def gave_back(case: Case) -> Finding | None:
    """The stop had been tightened behind a profit that was given back."""
    trade = case.trade
    if trade.close_reason not in STOP_EXITS or trade.initial_stop is None or trade.last_stop is None:
        return None
    if trade.side.sign * (trade.last_stop - trade.initial_stop) <= ZERO:
        return None
    return found(Category.GAVE_BACK, "0.8", f"left at {trade.last_stop}, tightened from {trade.initial_stop}")


def stop_too_tight(case: Case) -> Finding | None:
    """The first stop lay within one ATR: noise alone reaches it."""
    atrs = first_stop_in_atr(case)
    if case.trade.close_reason is not CloseReason.STOP_LOSS or atrs is None or atrs >= TIGHT_ATR:
        return None
    return found(Category.STOP_TOO_TIGHT, "0.6", f"first stop {rounded(atrs)} ATR from the entry")


def stop_too_wide(case: Case) -> Finding | None:
    """The first stop lay so far off that hitting it was a trend, not noise."""
    atrs = first_stop_in_atr(case)
    if case.trade.close_reason is not CloseReason.STOP_LOSS or atrs is None or atrs <= WIDE_ATR:
        return None
    return found(Category.STOP_TOO_WIDE, "0.6", f"first stop {rounded(atrs)} ATR from the entry")


def low_edge(case: Case) -> Finding | None:
    """The signal promised little: chance decided, or almost."""
    decision = case.trade.decision
    if decision is None:
        return None
    if decision.policy != "model":
        return found(Category.LOW_EDGE, "1", f"policy {decision.policy} claims no edge")
    if decision.confidence - decision.threshold >= NARROW_EDGE:
        return None
    return found(Category.LOW_EDGE, "0.5", f"confidence {decision.confidence}, needed {decision.threshold}")


def signal_wrong(case: Case) -> Finding | None:
    """The model was clearly sure, and the price went to the first stop."""
    decision, r = case.trade.decision, case.summary.r
    if decision is None or decision.policy != "model" or case.trade.close_reason is not CloseReason.STOP_LOSS:
        return None
    if decision.confidence - decision.threshold < CLEAR_EDGE or r is None or r > Decimal("-0.8"):
        return None
    return found(Category.SIGNAL_WRONG, "0.6", f"confidence {decision.confidence}, result {r} R")


def stop_loss_hit(case: Case) -> Finding | None:
    """The stop was hit, and nothing more can be said."""
    if case.trade.close_reason is not CloseReason.STOP_LOSS:
        return None
    return found(Category.STOP_LOSS_HIT, "0.5", f"stop {case.trade.last_stop} filled at {case.trade.exit_price}")


def normal_variance(case: Case) -> Finding | None:
    """The plan was followed and lost, as plans do."""
    return found(Category.NORMAL_VARIANCE, "0.3", f"left by plan: {case.trade.close_reason}")


RULES: Final[tuple[Rule, ...]] = (
    liquidation,
    execution_fault,
    data_fault,
    premature_exit,
    cost_dominated,
    late_entry,
    slippage,
    oversized,
    gave_back,
    stop_too_tight,
    stop_too_wide,
    low_edge,
    signal_wrong,
    stop_loss_hit,
    normal_variance,
)

NOT_THE_MODELS: Final = frozenset(
    {
        Category.LIQUIDATION,
        Category.EXECUTION_FAULT,
        Category.DATA_FAULT,
        Category.PREMATURE_EXIT,
        Category.LATE_ENTRY,
        Category.SLIPPAGE,
    }
)


def categorise(case: Case) -> tuple[Finding, ...]:
    """Return every finding, the primary first; never empty. Normal variance is said only of what has no other cause."""
    findings = [finding for rule in RULES if (finding := rule(case)) is not None]
    return tuple(findings[:1] + [each for each in findings[1:] if each.category is not Category.NORMAL_VARIANCE])


def is_attributable_to_model(case: Case, findings: tuple[Finding, ...]) -> bool:
    """Whether the model may learn from this loss: it decided, and nothing outside of it went wrong."""
    decision = case.trade.decision
    blameless = NOT_THE_MODELS.isdisjoint(finding.category for finding in findings)
    return decision is not None and decision.policy == "model" and blameless


def first_stop_in_atr(case: Case) -> Decimal | None:
    """Distance of the first stop from the entry in ATR of the decision; None where either is not known."""
    trade = case.trade
    if trade.decision is None or trade.initial_stop is None or trade.decision.atr <= ZERO:
        return None
    return abs(trade.entry_price - trade.initial_stop) / trade.decision.atr
