"""How bad it was: the gravest of what each rule says.

1. A breach of a rule is CRITICAL at any loss.
2. A bigger loss is never less severe.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from libs.common.contracts.postmortems import Severity
from libs.common.contracts.trades import CloseReason
from services.postmortem.core.case import Case
from services.postmortem.core.category import NAKED_MS
from services.postmortem.core.summary import equity_lost

Verdict = tuple[Severity, str]
Rule = Callable[[Case], Verdict]

# from the gravest down: at least so much lost
Steps = tuple[tuple[Severity, Decimal], ...]
R_STEPS: Final[Steps] = ((Severity.HIGH, Decimal("1.5")), (Severity.MEDIUM, Decimal("0.75")))
EQUITY_STEPS: Final[Steps] = ((Severity.HIGH, Decimal("0.03")), (Severity.MEDIUM, Decimal("0.01")))
ROE_STEPS: Final[Steps] = ((Severity.HIGH, Decimal(30)), (Severity.MEDIUM, Decimal(10)))
ORDER: Final = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)


def by_breach(case: Case) -> Verdict:
    """A liquidation, or a position without a stop, is what the system exists to prevent."""
    if case.trade.close_reason is CloseReason.LIQUIDATION:
        return Severity.CRITICAL, "the position was liquidated"
    if case.trade.naked_ms > NAKED_MS:
        return Severity.CRITICAL, f"{case.trade.naked_ms} ms without a live stop"
    return Severity.LOW, "no rule was breached"


def by_risk(case: Case) -> Verdict:
    """The loss in first risks."""
    r = case.summary.r
    return (Severity.LOW, "no first risk is known") if r is None else (reached(-r, R_STEPS), f"{r} R")


def by_equity(case: Case) -> Verdict:
    """The loss against the equity at entry."""
    lost = equity_lost(case.trade)
    if lost is None:
        return Severity.LOW, "no equity is known"
    return reached(lost, EQUITY_STEPS), f"{100 * lost} % of equity lost"


def by_margin(case: Case) -> Verdict:
    """The loss against the margin."""
    roe = case.summary.roe_percentage
    return (Severity.LOW, "no margin is known") if roe is None else (reached(-roe, ROE_STEPS), f"{roe} % of the margin")


def reached(loss: Decimal, steps: Steps) -> Severity:
    """The gravest step that `loss` reaches."""
    return next((severity for severity, limit in steps if loss >= limit), Severity.LOW)


RULES: Final[tuple[Rule, ...]] = (by_breach, by_risk, by_equity, by_margin)


def judge_severity(case: Case) -> Verdict:
    """Return the gravest verdict; of equal ones the first says why."""
    return max((rule(case) for rule in RULES), key=lambda verdict: ORDER.index(verdict[0]))
