import re

from libs.common.contracts.postmortems import PostmortemWritten
from libs.common.contracts.signals import Opinion, Vote
from libs.common.units import Fraction, Symbol, Timeframe
from services.postmortem.adapters.page import page
from services.postmortem.core.report import explain
from tests.support.trades import D, decision, trade


def reported() -> PostmortemWritten:
    return explain(trade())


def test_a_page_tells_the_whole_report() -> None:
    shown = page(reported())
    for told in ("BTCUSDT", "-2.1 USDT", "MEDIUM", "STOP_LOSS_HIT", "XGBoost 55 %", "Slippage of the exit", "2.0000 h"):
        assert told in shown


def test_each_vote_is_told() -> None:
    vote = Vote(
        timeframe=Timeframe.M30,
        opinion=Opinion.BUY,
        p_buy=Fraction(D("0.6")),
        p_hold=Fraction(D("0.3")),
        p_sell=Fraction(D("0.1")),
    )
    made = decision().model_copy(update={"votes": (vote,)})
    assert "BUY: buy 0.6, hold 0.3, sell 0.1" in page(explain(trade(decided=made)))


def test_an_adopted_position_says_that_nobody_decided_on_it() -> None:
    shown = page(explain(trade(adopted=True, initial_stop=None, margin="0")))
    assert "the position was adopted" in shown
    assert shown.count("unknown") == 2


def test_nothing_in_a_report_becomes_markup() -> None:
    evil = "<script>alert('x')</script>\"&"
    report = reported().model_copy(update={"trade_id": evil, "symbol": Symbol(evil), "advice": (evil,)})
    finding = report.findings[0].model_copy(update={"evidence": evil})
    shown = page(report.model_copy(update={"findings": (finding,), "severity_reason": evil}))
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") >= 5


def test_a_page_fetches_nothing() -> None:
    assert not re.search(r"src=|href=|url\(|@import|https?:", page(reported()))
