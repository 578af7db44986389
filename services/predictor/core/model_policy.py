"""The model's policy: every timeframe's model is asked, the votes are counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from libs.common.units import Fraction, Instant, Timeframe
from services.predictor.core.judgement import Case, Judgement, Reason
from services.predictor.core.vote import count, vote_of

UNSEEN: Final = Judgement(None, Reason.FORESEEN, "the model has seen candles from after this slot")


class Models(Protocol):
    """One trained model a timeframe, with a version for all of them."""

    @property
    def version(self) -> str: ...

    @property
    def trained_until(self) -> Instant:
        """Market time: no candle that closed later was seen in training."""
        ...

    def probabilities(self, timeframe: Timeframe, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Rows of features (n, 66) -> calibrated probabilities (n, 3) in the order of vote.CLASSES."""
        ...


@dataclass(frozen=True, slots=True)
class ModelPolicy:
    models: Models
    timeframes: tuple[Timeframe, ...]
    min_agreement: int
    min_confidence: Fraction
    name: str = "model"

    @property
    def version(self) -> str:
        return self.models.version

    def judge(self, cases: Sequence[Case]) -> Sequence[Judgement]:
        """Ask each model once for all cases: a call costs more than a row."""
        if not cases:
            return ()
        answers = {
            timeframe: self.models.probabilities(
                timeframe, np.stack([case.series[timeframe].row for case in cases]).astype(np.float32)
            )
            for timeframe in self.timeframes
        }
        return [
            self._count(case, {timeframe: answers[timeframe][i] for timeframe in self.timeframes})
            for i, case in enumerate(cases)
        ]

    def _count(self, case: Case, answers: dict[Timeframe, NDArray[np.float64]]) -> Judgement:
        if case.slot < self.models.trained_until:
            return UNSEEN
        votes = tuple(vote_of(timeframe, answer) for timeframe, answer in answers.items())
        ballot = count(votes, min_agreement=self.min_agreement, min_confidence=self.min_confidence)
        return Judgement(ballot.side, ballot.reason, ballot.rationale, ballot.confidence, self.min_confidence, votes)
