"""From the probabilities of the timeframes to one decision, and to the sentence that explains it.

1. A side is advised only if at least `min_agreement` timeframes hold it most likely and more hold it than the other.
2. Its confidence is the mean probability that those timeframes give it, and reaches `min_confidence`.
3. Whatever is declined says what was lacking.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from libs.common.contracts.signals import Opinion, Vote
from libs.common.units import Fraction, Side, Timeframe
from services.predictor.core.judgement import Reason

CLASSES: Final = (Opinion.SELL, Opinion.HOLD, Opinion.BUY)  # the columns of a model's answer
_PLACES: Final = Decimal("0.0001")
_SIDES: Final = {Opinion.BUY: Side.LONG, Opinion.SELL: Side.SHORT}


@dataclass(frozen=True, slots=True)
class Ballot:
    """What the timeframes make of a symbol together."""

    side: Side | None
    reason: Reason
    confidence: Fraction  # of the side that most hold; 0 if none does
    rationale: str


def vote_of(timeframe: Timeframe, probabilities: NDArray[np.float64]) -> Vote:
    """Round one model's answer (3,) in the order of CLASSES to four places that sum to 1."""
    sell = Decimal(float(probabilities[0])).quantize(_PLACES, ROUND_HALF_EVEN)
    buy = min(Decimal(float(probabilities[2])).quantize(_PLACES, ROUND_HALF_EVEN), 1 - sell)
    opinion = CLASSES[int(np.argmax(probabilities))]
    return Vote(
        timeframe=timeframe,
        opinion=opinion,
        p_buy=Fraction(buy),
        p_hold=Fraction(1 - sell - buy),
        p_sell=Fraction(sell),
    )


def count(votes: Sequence[Vote], *, min_agreement: int, min_confidence: Fraction) -> Ballot:
    """Decide for a symbol; `votes` holds one vote a timeframe."""
    buyers = [vote for vote in votes if vote.opinion is Opinion.BUY]
    sellers = [vote for vote in votes if vote.opinion is Opinion.SELL]
    agreeing = max(buyers, sellers, key=len)
    if not agreeing:
        return Ballot(None, Reason.NO_AGREEMENT, Fraction(Decimal(0)), f"{len(votes)}/{len(votes)} timeframes say HOLD")
    opinion = agreeing[0].opinion
    confidence = mean_probability(agreeing, opinion)
    agreed = f"{len(agreeing)}/{len(votes)} timeframes agree on {opinion}"
    if len(buyers) == len(sellers):
        split = f"{len(buyers)}/{len(votes)} timeframes say BUY, {len(sellers)}/{len(votes)} SELL"
        return Ballot(None, Reason.NO_AGREEMENT, confidence, split)
    if len(agreeing) < min_agreement:
        return Ballot(None, Reason.NO_AGREEMENT, confidence, f"{agreed}, {min_agreement} are needed")
    rationale = f"{agreed}; XGBoost {percent(confidence)}"
    if confidence < min_confidence:
        lacking = f"{rationale} is below {percent(min_confidence)}"
        return Ballot(None, Reason.LOW_CONFIDENCE, confidence, lacking)
    return Ballot(_SIDES[opinion], Reason.ADVISED, confidence, rationale)


def mean_probability(votes: Sequence[Vote], opinion: Opinion) -> Fraction:
    """What `votes` give `opinion` on average, in four places."""
    given = [vote.p_buy if opinion is Opinion.BUY else vote.p_sell for vote in votes]
    return Fraction((sum(given, Decimal(0)) / len(given)).quantize(_PLACES, ROUND_HALF_EVEN))


def percent(fraction: Fraction) -> str:
    """0.75 as a person reads it, "75 %"; rounded down, so that nothing seems to reach what it does not."""
    return f"{(fraction * 100).to_integral_value(ROUND_FLOOR)} %"
