import pytest

from libs.common.contracts.registry import decode, encode
from libs.common.errors import Poison
from services.postmortem.core.report import explain, is_loss, lesson_of
from tests.support.trades import trade


def test_a_trade_is_a_loss_by_what_is_left_after_costs() -> None:
    assert is_loss(trade(exit_price="100", fees="0.01"))
    assert not is_loss(trade(exit_price="100", fees="0"))
    assert not is_loss(trade(exit_price="101"))


def test_the_same_trade_gives_the_same_bytes() -> None:
    assert encode(explain(trade())) == encode(explain(trade()))


def test_a_report_travels_and_comes_back_as_it_was() -> None:
    report = explain(trade(naked_ms=3_000))
    assert decode(*encode(report)) == report


def test_an_adopted_trade_has_a_report_without_a_decision() -> None:
    report = explain(trade(trade_id="adopted-BTCUSDT-1700000000000", adopted=True))
    assert report.initial_decision is None
    assert report.findings
    assert not report.attributable_to_model


def test_the_lesson_names_the_report_that_caused_it() -> None:
    report = explain(trade())
    lesson = lesson_of(report)
    assert (lesson.cause, lesson.trade_id, lesson.category) == (report.id, report.trade_id, report.category)
    assert lesson.attributable_to_model is report.attributable_to_model


def test_figures_that_admit_of_no_report_are_poison() -> None:
    with pytest.raises(Poison, match="ika-BTCUSDT-h2k1-e"):
        explain(trade(qty="0", gross="-1"))
