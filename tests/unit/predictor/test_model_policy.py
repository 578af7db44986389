from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from libs.common.contracts.signals import Opinion
from libs.common.units import Fraction, Instant, Side, Symbol, Timeframe
from services.predictor.core.feature_table import WARM_UP
from services.predictor.core.judgement import Case, Reason
from services.predictor.core.model_policy import ModelPolicy
from services.predictor.core.series import series_of
from tests.support.candles import candles, walk

FRAMES = (Timeframe.M15, Timeframe.M30, Timeframe.H1)
SLOT = Instant(1_757_894_400_000)


@dataclass
class Oracle:
    """Models that answer as they are told, and remember what they were asked."""

    answers: dict[Timeframe, tuple[float, float, float]]
    version: str = "m-1"
    trained_until: Instant = SLOT
    asked: list[tuple[Timeframe, tuple[int, ...]]] = field(default_factory=list)

    def probabilities(self, timeframe: Timeframe, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        self.asked.append((timeframe, rows.shape))
        return np.tile(self.answers[timeframe], (len(rows), 1))


ORACLE = {
    Timeframe.M15: (0.8, 0.1, 0.1),
    Timeframe.M30: (0.2, 0.7, 0.1),
    Timeframe.H1: (0.7, 0.2, 0.1),
}


def case(symbol: str, slot: Instant = SLOT) -> Case:
    bars = WARM_UP + 1
    series = {f: series_of(f, candles(symbol, f, walk(bars, step_ms=f.ms, start=slot - bars * f.ms))) for f in FRAMES}
    return Case(Symbol(symbol), slot, series)


def policy(oracle: Oracle, confidence: str = "0.5") -> ModelPolicy:
    return ModelPolicy(oracle, FRAMES, min_agreement=2, min_confidence=Fraction(Decimal(confidence)))


def test_every_timeframe_votes_and_the_majority_is_advised() -> None:
    (judgement,) = policy(Oracle(ORACLE)).judge([case("BTCUSDT")])
    assert (judgement.side, judgement.reason) == (Side.SHORT, Reason.ADVISED)
    assert judgement.rationale == "2/3 timeframes agree on SELL; XGBoost 75 %"
    assert [vote.opinion for vote in judgement.votes] == [Opinion.SELL, Opinion.HOLD, Opinion.SELL]
    assert judgement.threshold == Decimal("0.5")


def test_each_model_is_asked_once_for_all_symbols() -> None:
    oracle = Oracle(ORACLE)
    assert len(policy(oracle).judge([case("BTCUSDT"), case("ETHUSDT")])) == 2
    assert oracle.asked == [(timeframe, (2, 66)) for timeframe in FRAMES]


def test_no_case_asks_no_model() -> None:
    oracle = Oracle(ORACLE)
    assert list(policy(oracle).judge([])) == []
    assert oracle.asked == []


def test_a_model_does_not_judge_what_it_was_trained_on() -> None:
    foresighted = Oracle(ORACLE, trained_until=Instant(SLOT + 1))
    (judgement,) = policy(foresighted).judge([case("BTCUSDT")])
    assert (judgement.side, judgement.reason) == (None, Reason.FORESEEN)
