import numpy as np
import pytest

from libs.common.errors import Refused
from libs.common.units import Instant, Timeframe
from services.predictor.core.feature_table import COLUMN
from services.predictor.training.samples import Samples, samples_of
from services.predictor.training.train import fit, scores
from tests.support.candles import walk

M15 = Timeframe.M15
SAMPLES = samples_of([walk(700, seed=seed) for seed in (1, 2)], M15, until=Instant(2**60))


def deaf(_done: int, _every: int) -> None:
    """Hear of no progress."""


def test_the_same_data_give_the_same_model_to_the_byte() -> None:
    assert fit(SAMPLES, M15, rounds=3, tell=deaf) == fit(SAMPLES, M15, rounds=3, tell=deaf)


def test_a_walk_without_memory_teaches_nothing() -> None:
    assert fit(SAMPLES, M15, rounds=5, tell=deaf).metrics["skill"] < 0.05


def test_what_can_be_learnt_is_learnt() -> None:
    told = SAMPLES.rows[:, COLUMN["return_1"]]
    labels = np.where(told > 0.002, 2, np.where(told < -0.002, 0, 1)).astype(np.int8)
    metrics = fit(Samples(SAMPLES.rows, labels, SAMPLES.closes, ""), M15, rounds=60, tell=deaf).metrics
    assert metrics["skill"] > 0.5


def test_every_round_is_told() -> None:
    told: list[tuple[int, int]] = []
    fit(SAMPLES, M15, rounds=3, tell=lambda done, every: told.append((done, every)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_too_little_data_is_refused_with_the_numbers() -> None:
    few = SAMPLES.chosen(np.arange(len(SAMPLES)) < 100)
    with pytest.raises(Refused, match="15m: 100 samples are too few to train on, at least 500"):
        fit(few, M15, rounds=1, tell=deaf)


def test_skill_is_what_is_saved_against_the_class_shares() -> None:
    answers = np.array([0, 1, 2, 1], np.int8)
    assert scores(np.tile([0.25, 0.5, 0.25], (4, 1)), answers, answers)["skill"] == 0
    assert scores(np.eye(3)[answers], answers, answers)["skill"] == 1
