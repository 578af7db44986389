import pytest

from libs.common.contracts.postmortems import Category
from libs.common.contracts.trades import CloseReason, TradeClosed
from libs.common.ids import ENTRY, OrderName
from libs.common.units import MINUTE_MS, Instant, Symbol
from services.postmortem.core.case import open_case
from services.postmortem.core.category import categorise, is_attributable_to_model
from tests.support.trades import OPENED_AT, decision, trade

SURE = decision(confidence="0.65", threshold="0.50")
MEDIUM = decision(confidence="0.56", threshold="0.50")
UNSURE = decision(confidence="0.52", threshold="0.50")
DICE = decision(policy="random:1")
LATE = OrderName(Symbol("BTCUSDT"), Instant(OPENED_AT - MINUTE_MS), ENTRY).link_id()
PROMPT = OrderName(Symbol("BTCUSDT"), OPENED_AT, ENTRY).link_id()

TABLE = [
    (trade(close_reason=CloseReason.LIQUIDATION, naked_ms=9_000), Category.LIQUIDATION),
    (trade(naked_ms=2_001, decided=SURE), Category.EXECUTION_FAULT),
    (trade(naked_ms=2_000, decided=SURE), Category.SIGNAL_WRONG),
    (trade(gross="-2.5", decided=SURE), Category.DATA_FAULT),
    (trade(close_reason=CloseReason.MANUAL), Category.PREMATURE_EXIT),
    (trade(close_reason=CloseReason.EXTERNAL), Category.PREMATURE_EXIT),
    (trade(close_reason=CloseReason.FLATTEN), Category.PREMATURE_EXIT),
    (trade(exit_price="100.1", close_reason=CloseReason.TRAILING, fees="0.2"), Category.COST_DOMINATED),
    (trade(fees="1", funding="1"), Category.COST_DOMINATED),
    (trade(exit_price="95", decided=SURE), Category.SLIPPAGE),
    (trade(trade_id=LATE, entry="102.5", decided=SURE), Category.LATE_ENTRY),
    (trade(trade_id=PROMPT, entry="102.5", decided=SURE), Category.SLIPPAGE),
    (trade(trade_id=LATE, decided=SURE), Category.SIGNAL_WRONG),
    (trade(equity="50", decided=SURE), Category.OVERSIZED),
    (trade(last_stop="99", exit_price="99", close_reason=CloseReason.TRAILING), Category.GAVE_BACK),
    (trade(decided=decision(atr="2.5")), Category.STOP_TOO_TIGHT),
    (trade(decided=decision(atr="0.4")), Category.STOP_TOO_WIDE),
    (trade(decided=DICE), Category.LOW_EDGE),
    (trade(decided=UNSURE), Category.LOW_EDGE),
    (trade(decided=SURE), Category.SIGNAL_WRONG),
    (trade(decided=MEDIUM), Category.STOP_LOSS_HIT),
    (trade(adopted=True), Category.STOP_LOSS_HIT),
    (trade(adopted=True, initial_stop=None, last_stop=None, equity=None), Category.STOP_LOSS_HIT),
    (trade(close_reason=CloseReason.SIGNAL, decided=MEDIUM), Category.NORMAL_VARIANCE),
]


@pytest.mark.parametrize(("lost", "primary"), TABLE)
def test_the_primary_category_is_the_gravest_that_the_trade_shows(lost: TradeClosed, primary: Category) -> None:
    assert categorise(open_case(lost))[0].category is primary


def test_contributing_findings_follow_the_primary_with_their_evidence() -> None:
    findings = categorise(open_case(trade(naked_ms=3_000, decided=UNSURE)))
    assert [each.category for each in findings] == [
        Category.EXECUTION_FAULT,
        Category.LOW_EDGE,
        Category.STOP_LOSS_HIT,
    ]
    assert findings[0].evidence == "3000 ms without a live stop"
    assert all(0 < each.confidence <= 1 for each in findings)


def test_normal_variance_is_said_only_where_nothing_else_is() -> None:
    findings = categorise(open_case(trade(close_reason=CloseReason.SIGNAL, decided=MEDIUM)))
    assert [each.category for each in findings] == [Category.NORMAL_VARIANCE]


@pytest.mark.parametrize(
    ("lost", "attributable"),
    [
        (trade(decided=SURE), True),
        (trade(decided=UNSURE), True),
        (trade(decided=DICE), False),
        (trade(adopted=True), False),
        (trade(naked_ms=3_000), False),
        (trade(gross="-2.5"), False),
        (trade(exit_price="95", decided=SURE), False),
        (trade(close_reason=CloseReason.LIQUIDATION), False),
        (trade(close_reason=CloseReason.EXTERNAL), False),
    ],
)
def test_a_loss_teaches_the_model_only_what_the_model_did(lost: TradeClosed, attributable: bool) -> None:
    case = open_case(lost)
    assert is_attributable_to_model(case, categorise(case)) is attributable
