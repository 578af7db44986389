from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts.signals import Opinion, Vote
from libs.common.units import Fraction, Side, Timeframe
from services.predictor.core.judgement import Reason
from services.predictor.core.vote import Ballot, count, percent, vote_of

BUY, HOLD, SELL = (0.1, 0.2, 0.7), (0.2, 0.6, 0.2), (0.75, 0.15, 0.1)
FRAMES = (Timeframe.M15, Timeframe.M30, Timeframe.H1)


def votes(*answers: tuple[float, float, float]) -> list[Vote]:
    return [vote_of(timeframe, np.array(answer)) for timeframe, answer in zip(FRAMES, answers, strict=True)]


def counted(*answers: tuple[float, float, float], agreement: int = 2, confidence: str = "0.5") -> Ballot:
    return count(votes(*answers), min_agreement=agreement, min_confidence=Fraction(Decimal(confidence)))


def test_two_of_three_agree_and_the_sentence_says_so() -> None:
    ballot = counted(SELL, HOLD, SELL)
    assert (ballot.side, ballot.reason) == (Side.SHORT, Reason.ADVISED)
    assert ballot.rationale == "2/3 timeframes agree on SELL; XGBoost 75 %"
    assert ballot.confidence == Decimal("0.75")


def test_confidence_is_the_mean_of_those_that_agree() -> None:
    ballot = counted(BUY, (0.1, 0.3, 0.6), HOLD)
    assert ballot.side is Side.LONG
    assert ballot.confidence == Decimal("0.65")


@pytest.mark.parametrize(
    ("answers", "reason", "rationale"),
    [
        ((HOLD, HOLD, HOLD), Reason.NO_AGREEMENT, "3/3 timeframes say HOLD"),
        ((BUY, HOLD, HOLD), Reason.NO_AGREEMENT, "1/3 timeframes agree on BUY, 2 are needed"),
        ((BUY, SELL, HOLD), Reason.NO_AGREEMENT, "1/3 timeframes say BUY, 1/3 SELL"),
        (
            ((0.2, 0.301, 0.499), (0.2, 0.301, 0.499), HOLD),
            Reason.LOW_CONFIDENCE,
            "2/3 timeframes agree on BUY; XGBoost 49 % is below 50 %",
        ),
    ],
)
def test_what_is_declined_says_what_was_lacking(
    answers: tuple[tuple[float, float, float], ...], reason: Reason, rationale: str
) -> None:
    ballot = counted(*answers)
    assert (ballot.side, ballot.reason, ballot.rationale) == (None, reason, rationale)


def test_confidence_that_just_reaches_the_threshold_is_enough() -> None:
    assert counted((0.1, 0.3, 0.6), (0.1, 0.3, 0.6), HOLD, confidence="0.6").side is Side.LONG


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda p: sum(p) > 0))
def test_the_probabilities_of_a_vote_sum_to_one_and_none_is_negative(raw: list[float]) -> None:
    vote = vote_of(Timeframe.M15, np.array(raw) / sum(raw))
    assert vote.p_buy + vote.p_hold + vote.p_sell == 1
    assert min(vote.p_buy, vote.p_hold, vote.p_sell) >= 0


def test_the_opinion_is_the_most_likely_class() -> None:
    assert [vote.opinion for vote in votes(BUY, HOLD, SELL)] == [Opinion.BUY, Opinion.HOLD, Opinion.SELL]


def test_a_percentage_never_seems_to_reach_what_it_does_not() -> None:
    assert percent(Fraction(Decimal("0.4999"))) == "49 %"
    assert percent(Fraction(Decimal("0.5"))) == "50 %"
