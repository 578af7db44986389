import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.predictor.core.calibration import (
    best_temperature,
    calibration_error,
    direction_auc,
    log_loss,
    prior_of,
    tempered,
)

DICE = np.random.default_rng(1)
TRUE = DICE.dirichlet([2, 3, 2], 4_000)
ANSWERS = np.array([DICE.choice(3, p=row) for row in TRUE], dtype=np.int8)


@given(st.floats(0.2, 20))
def test_a_temperature_keeps_the_order_and_the_sum(temperature: float) -> None:
    changed = tempered(TRUE[:50], temperature)
    assert changed.sum(axis=1) == pytest.approx(np.ones(50))
    assert (changed.argmax(axis=1) == TRUE[:50].argmax(axis=1)).all()


def test_overconfident_answers_are_cooled_back_to_the_truth() -> None:
    overconfident = tempered(TRUE, 0.5)
    temperature = best_temperature(overconfident, ANSWERS)
    assert temperature == pytest.approx(2, rel=0.15)
    assert log_loss(tempered(overconfident, temperature), ANSWERS) < log_loss(overconfident, ANSWERS)


def test_what_is_honest_is_left_as_it_is() -> None:
    assert best_temperature(TRUE, ANSWERS) == pytest.approx(1, abs=0.1)
    assert calibration_error(TRUE, ANSWERS) < 0.02 < calibration_error(tempered(TRUE, 0.2), ANSWERS)


def test_the_prior_is_how_often_each_class_came_true() -> None:
    assert prior_of(np.array([0, 1, 1, 2], np.int8)).tolist() == [0.25, 0.5, 0.25]


def test_log_loss_punishes_certainty_that_was_wrong() -> None:
    said = np.array([[1.0, 0.0, 0.0]])
    assert log_loss(said, np.array([0], np.int8)) == 0
    assert log_loss(said, np.array([2], np.int8)) > 10


def test_the_direction_is_judged_by_how_rises_rank_above_falls() -> None:
    answers = np.array([0, 0, 2, 2, 1], np.int8)
    said = np.array([[0.6, 0.3, 0.1], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.1, 0.3, 0.6], [0.9, 0.0, 0.1]])
    assert direction_auc(said, answers) == 1
    assert direction_auc(said[:, ::-1], answers) == 0
    assert direction_auc(np.full((5, 3), 1 / 3), answers) == 0.5
    assert direction_auc(said[:2], answers[:2]) == 0.5  # nothing rose
