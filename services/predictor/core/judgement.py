"""A symbol's case at a slot, what a policy makes of it, and the signal that follows.

1. A case holds nothing that was not known at its slot.
2. The same case and the same judgement make the same signal, id included: a replay repeats it, it does not add to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b
from typing import Final, Protocol

import numpy as np

from libs.common.contracts.message import message_id
from libs.common.contracts.signals import Decision, SignalMade, Vote
from libs.common.units import ZERO, Fraction, Instant, Price, Side, Symbol, Timeframe
from services.predictor.core.feature_table import COLUMN, WARM_UP
from services.predictor.core.features import ATR_14
from services.predictor.core.series import Series
from services.predictor.core.slots import SLOT, VALID_MS

WHOLE: Final = Fraction(Decimal(1))


class Reason(StrEnum):
    """Why a symbol is or is not entered at a slot; counted for the operator."""

    ADVISED = "advised"
    NO_AGREEMENT = "no_agreement"
    LOW_CONFIDENCE = "low_confidence"
    NOT_DRAWN = "not_drawn"
    INCOMPLETE = "incomplete"
    WARMING_UP = "warming_up"
    STALE = "stale"
    FORESEEN = "foreseen"  # the model was trained on what comes after


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that is known of a symbol at a 15m close; the series of 15m is always there."""

    symbol: Symbol
    slot: Instant
    series: Mapping[Timeframe, Series]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a policy says of a case."""

    side: Side | None
    reason: Reason
    rationale: str
    confidence: Fraction = Fraction(ZERO)
    threshold: Fraction = Fraction(ZERO)
    votes: tuple[Vote, ...] = ()


class Policy(Protocol):
    """Decides on complete and warm cases: a model, or a lot."""

    @property
    def name(self) -> str:
        """As the setting predictor.policy has it."""
        ...

    @property
    def version(self) -> str:
        """Of the model; "" where none is asked."""
        ...

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        """What a case must hold."""
        ...

    def judge(self, cases: Sequence[Case]) -> Sequence[Judgement]:
        """One judgement a case, in their order; a case is judged as if it were alone."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a slot for a symbol: kept for the operator's "why not?"."""

    symbol: Symbol
    slot: Instant
    judgement: Judgement


def coldness(case: Case) -> str:
    """What still keeps a case from being judged; "" when every series is warm."""
    cold = [f"{timeframe} has {series.bars}" for timeframe, series in case.series.items() if not series.warm]
    return f"{', '.join(cold)} of {WARM_UP} candles" if cold else ""


def signal_of(case: Case, judgement: Judgement, side: Side, policy: Policy) -> SignalMade:
    """Return the advice to enter `side`, with everything needed to explain it later."""
    series = case.series[SLOT]
    return SignalMade(
        id=message_id(SignalMade, case.symbol, str(case.slot)),
        cause=series.candle_id,
        trace=series.candle_id,
        at=case.slot,
        symbol=case.symbol,
        side=side,
        slot=case.slot,
        valid_until=Instant(case.slot + VALID_MS),
        size_multiplier=WHOLE,
        decision=Decision(
            confidence=judgement.confidence,
            votes=judgement.votes,
            threshold=judgement.threshold,
            rationale=judgement.rationale,
            price=series.close,
            atr=Price(rounded(series.state[ATR_14])),
            adx=Fraction(rounded(series.row[COLUMN["adx_14"]])),
            volatility=Fraction(rounded(series.row[COLUMN["volatility_96"]])),
            policy=policy.name,
            model_version=policy.version,
            feature_digest=digest(case),
        ),
    )


def rounded(value: float) -> Decimal:
    """A measured number in 10 significant digits: what it is worth, without the noise of its last bits."""
    return Decimal(f"{value:.10g}")


def digest(case: Case) -> str:
    """Name the rows that were judged, as the model sees them (float32), in the order of the timeframes."""
    rows = b"".join(series.row.astype(np.float32).tobytes() for series in case.series.values())
    return blake2b(rows, digest_size=8).hexdigest()
