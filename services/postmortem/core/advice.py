"""What a person may take from one loss. One trade never changes a parameter, and the text says so where it matters."""

from collections.abc import Mapping
from typing import Final

from libs.common.contracts.postmortems import Category, Finding

ADVICE: Final[Mapping[Category, str]] = {
    Category.LIQUIDATION: "Lower the leverage or the risk per trade: the stop must lie well before the liquidation.",
    Category.EXECUTION_FAULT: "Look at the executor's log of this trade: a position must never be without a stop.",
    Category.DATA_FAULT: "Compare this trade with the venue's closed PnL and executions: the books do not add up.",
    Category.PREMATURE_EXIT: "It was closed before its plan ended: nothing is learnt about the plan from it.",
    Category.COST_DOMINATED: "Costs decided. Prefer moves that are large against fees and funding.",
    Category.LATE_ENTRY: "The price had gone before we were in. Look at what was slow, from candle to fill.",
    Category.SLIPPAGE: "Fills decided. Prefer symbols with a tighter spread, or smaller sizes.",
    Category.OVERSIZED: "The size was beyond the plan: check risk per trade and how the first stop was set.",
    Category.GAVE_BACK: "A profit was given back. If this repeats, compare a smaller trailing distance.",
    Category.STOP_TOO_TIGHT: "The first stop was within the noise. If this repeats, compare a wider one.",
    Category.STOP_TOO_WIDE: "The first stop was far away. If this repeats, compare a nearer one.",
    Category.LOW_EDGE: "Little was promised. If this repeats, compare a higher confidence threshold.",
    Category.SIGNAL_WRONG: "The model was sure and wrong. One such loss is expected; many ask for a new training.",
    Category.STOP_LOSS_HIT: "The stop did its work. Nothing more can be said from the trade alone.",
    Category.NORMAL_VARIANCE: "The plan was followed: no lesson.",
}


def advise(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Return one sentence or two for each finding that has any, the primary's first."""
    return tuple(ADVICE[finding.category] for finding in findings if finding.category in ADVICE)
