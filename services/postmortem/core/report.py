"""The whole report of a losing trade.

1. A pure function of the trade: written twice, it is the same bytes.
2. Its id is a function of the trade's id, so a repeat on the stream is recognised.
"""

from decimal import DecimalException

from libs.common.contracts.lessons import LessonExplained
from libs.common.contracts.message import message_id
from libs.common.contracts.postmortems import PostmortemWritten
from libs.common.contracts.trades import TradeClosed
from libs.common.errors import Poison
from libs.common.units import ZERO
from services.postmortem.core.advice import advise
from services.postmortem.core.case import open_case
from services.postmortem.core.category import categorise, is_attributable_to_model
from services.postmortem.core.severity import judge_severity


def is_loss(trade: TradeClosed) -> bool:
    """Whether the trade gets a report: after fees and funding it lost money."""
    return trade.pnl_usd < ZERO


def explain(trade: TradeClosed) -> PostmortemWritten:
    """Return the report of a losing trade; raises Poison when its figures admit of none."""
    try:
        return _report(trade)
    except DecimalException as error:
        raise Poison(f"trade {trade.trade_id}: its figures admit of no report: {error!r}") from error


def lesson_of(report: PostmortemWritten) -> LessonExplained:
    """Return what the predictor is told of a report."""
    return LessonExplained(
        id=message_id(LessonExplained, report.trade_id),
        cause=report.id,
        trace=report.trace,
        at=report.at,
        trade_id=report.trade_id,
        symbol=report.symbol,
        category=report.category,
        severity=report.severity,
        attributable_to_model=report.attributable_to_model,
    )


def _report(trade: TradeClosed) -> PostmortemWritten:
    case = open_case(trade)
    findings = categorise(case)
    severity, reason = judge_severity(case)
    return PostmortemWritten(
        id=message_id(PostmortemWritten, trade.trade_id),
        cause=trade.id,
        trace=trade.trace,
        at=trade.closed_at,
        trade_id=trade.trade_id,
        symbol=trade.symbol,
        category=findings[0].category,
        severity=severity,
        severity_reason=reason,
        pnl_usd=trade.pnl_usd,
        opened_at=trade.opened_at,
        closed_at=trade.closed_at,
        summary=case.summary,
        initial_decision=trade.decision,
        decomposition=case.parts,
        findings=findings,
        advice=advise(findings),
        attributable_to_model=is_attributable_to_model(case, findings),
    )
