from libs.common.contracts.lessons import LessonExplained
from libs.common.contracts.postmortems import PostmortemWritten
from libs.common.units import Instant
from services.postmortem.core.report import explain, lesson_of
from services.postmortem.service import Postmortem
from tests.support.positions import priced
from tests.support.trades import trade

NOW = Instant(0)


def test_a_loss_is_answered_with_its_report_and_its_lesson() -> None:
    report, lesson = Postmortem().decide(trade(), NOW)
    assert isinstance(report, PostmortemWritten)
    assert isinstance(lesson, LessonExplained)
    assert (report, lesson) == (explain(trade()), lesson_of(report))


def test_a_winner_gets_no_report_but_is_remembered_once() -> None:
    desk, winner = Postmortem(), trade(exit_price="110")
    assert desk.decide(winner, NOW) == ()
    assert desk.taken() == [winner]
    assert not desk.taken()


def test_the_same_trade_again_has_the_same_ids() -> None:
    desk = Postmortem()
    assert [m.id for m in desk.decide(trade(), NOW)] == [m.id for m in desk.decide(trade(), Instant(9))]


def test_what_is_no_trade_is_passed_over() -> None:
    desk = Postmortem()
    assert desk.decide(priced(1), NOW) == ()
    assert not desk.taken()
