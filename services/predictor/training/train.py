"""Fit one pooled model a timeframe, and measure it on what it has not seen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from libs.common.errors import Refused
from libs.common.units import Timeframe
from services.predictor.core.calibration import (
    best_temperature,
    calibration_error,
    direction_auc,
    log_loss,
    prior_of,
    tempered,
)
from services.predictor.core.features import FloatArray
from services.predictor.training.samples import Samples, split

THREADS: Final = 2  # an uncapped fit on a busy machine starves everything else; a fixed number is repeatable
LEAST_SAMPLES: Final = 500
SEED: Final = 7
PARAMETERS: Final[Mapping[str, str | int | float]] = {
    "objective": "multi:softprob",
    "num_class": 3,
    "tree_method": "hist",
    "max_bin": 64,
    "max_depth": 5,
    "eta": 0.05,
    "min_child_weight": 20,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
    "lambda": 5.0,
    "seed": SEED,
    "nthread": THREADS,
}

Rounds = Callable[[int, int], None]  # (done, all)


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted model of one timeframe: its bytes, its calibration and how good it was on unseen months."""

    timeframe: Timeframe
    model: bytes
    temperature: float
    digest: str
    metrics: Mapping[str, float | int] = field(default_factory=dict)


class Reporting(xgboost.callback.TrainingCallback):  # type: ignore[misc]
    """Tells how many rounds are done."""

    def __init__(self, rounds: int, tell: Rounds) -> None:
        super().__init__()
        self._rounds, self._tell = rounds, tell

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        self._tell(epoch + 1, self._rounds)
        return False


def fit(samples: Samples, timeframe: Timeframe, *, rounds: int, tell: Rounds) -> Trained:
    """Fit on the oldest 70 %, calibrate on the next 15 %, score on the newest 15 %.

    Raises Refused when there is too little to learn from.
    """
    if len(samples) < LEAST_SAMPLES:
        raise Refused(f"{timeframe}: {len(samples)} samples are too few to train on, at least {LEAST_SAMPLES}")
    learn, calibrate, score = split(samples, timeframe)
    table = xgboost.QuantileDMatrix(learn.rows, label=learn.labels, max_bin=64, nthread=THREADS)
    booster = xgboost.train(dict(PARAMETERS), table, num_boost_round=rounds, callbacks=[Reporting(rounds, tell)])
    temperature = best_temperature(predicted(booster, calibrate.rows), calibrate.labels)
    return Trained(
        timeframe,
        bytes(booster.save_raw("ubj")),
        temperature,
        samples.digest,
        {
            "samples": len(samples),
            "rounds": rounds,
            **scores(tempered(predicted(booster, score.rows), temperature), learn.labels, score.labels),
        },
    )


def predicted(booster: xgboost.Booster, rows: NDArray[np.float32]) -> FloatArray:
    answer: FloatArray = booster.inplace_predict(rows).astype(np.float64)
    return answer


def scores(said: FloatArray, learnt: NDArray[np.int8], came_true: NDArray[np.int8]) -> dict[str, float]:
    """Compare what was said with what the class shares of the learnt part would have said.

    `skill` is the share of log-loss saved against those: nearly all of it is whether price moves at all, which
    follows the hour and the calm before. A direction that is told with an AUC above 0.56 is a leak.
    """
    prior = log_loss(np.tile(prior_of(learnt), (len(came_true), 1)), came_true)
    loss = log_loss(said, came_true)
    return {
        "log_loss": round(loss, 6),
        "prior_log_loss": round(prior, 6),
        "skill": round(1 - loss / prior, 6),
        "calibration_error": round(calibration_error(said, came_true), 6),
        "direction_auc": round(direction_auc(said, came_true), 6),
        "share_hold": round(float(prior_of(came_true)[1]), 6),
    }
