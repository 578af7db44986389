import pytest

from libs.common.contracts.postmortems import Severity
from libs.common.contracts.trades import CloseReason, TradeClosed
from services.postmortem.core.case import open_case
from services.postmortem.core.severity import judge_severity
from tests.support.trades import trade

RICH = "100000"
TABLE = [
    (trade(close_reason=CloseReason.LIQUIDATION), Severity.CRITICAL, "the position was liquidated"),
    (trade(naked_ms=2_001, exit_price="99.99"), Severity.CRITICAL, "2001 ms without a live stop"),
    (trade(exit_price="97", equity=RICH, margin="100"), Severity.HIGH, "-1.5500 R"),
    (trade(exit_price="97.1", equity=RICH, margin="100"), Severity.HIGH, "-1.5000 R"),
    (trade(exit_price="97.2", equity=RICH, margin="100"), Severity.MEDIUM, "-1.4500 R"),
    (trade(exit_price="98.6", equity=RICH, margin="100"), Severity.MEDIUM, "-0.7500 R"),
    (trade(exit_price="98.7", equity=RICH, margin="100"), Severity.LOW, "no rule was breached"),
    (trade(initial_stop=None, equity="70", margin="100"), Severity.HIGH, "3.0000 % of equity lost"),
    (trade(initial_stop=None, equity="210", margin="100"), Severity.MEDIUM, "1.0000 % of equity lost"),
    (trade(initial_stop=None, equity=None, margin="7"), Severity.HIGH, "-30.0000 % of the margin"),
    (trade(initial_stop=None, equity=None, margin="21"), Severity.MEDIUM, "-10.0000 % of the margin"),
    (trade(initial_stop=None, equity=None, margin="0"), Severity.LOW, "no rule was breached"),
]


@pytest.mark.parametrize(("lost", "severity", "reason"), TABLE)
def test_severity_is_the_gravest_of_breach_risk_equity_and_margin(
    lost: TradeClosed, severity: Severity, reason: str
) -> None:
    assert judge_severity(open_case(lost)) == (severity, reason)
