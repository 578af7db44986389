"""How honest probabilities are, and one number that makes them more so.

Rows are probabilities (n, 3) in the order of vote.CLASSES; answers (n,) are the classes that came true.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.predictor.core.features import FloatArray

LEAST: Final = 1e-7
COLDEST, HOTTEST = 0.2, 20.0
BINS: Final = 10

Answers = NDArray[np.int8]


def tempered(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Flatten (temperature > 1) or sharpen (< 1) probabilities, keeping their order. Source: Guo et al. 2017."""
    logits = np.log(np.maximum(probabilities, LEAST)) / temperature
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    flattened: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return flattened


def log_loss(probabilities: FloatArray, answers: Answers) -> float:
    """Mean of -ln of what was given to the answer that came true."""
    given = probabilities[np.arange(len(answers)), answers]
    return float(-np.log(np.maximum(given, LEAST)).mean())


def prior_of(answers: Answers) -> FloatArray:
    """How often each class came true: (3,)."""
    return np.bincount(answers, minlength=3)[:3] / max(1, len(answers))


def best_temperature(probabilities: FloatArray, answers: Answers) -> float:
    """The temperature of the least log-loss, within [0.2, 20]: golden section over its logarithm."""
    low, high, golden = np.log(COLDEST), np.log(HOTTEST), (np.sqrt(5) - 1) / 2
    while high - low > 1e-3:
        left, right = high - golden * (high - low), low + golden * (high - low)
        cooler = log_loss(tempered(probabilities, float(np.exp(left))), answers)
        hotter = log_loss(tempered(probabilities, float(np.exp(right))), answers)
        low, high = (low, right) if cooler < hotter else (left, high)
    return round(float(np.exp((low + high) / 2)), 4)


def direction_auc(probabilities: FloatArray, answers: Answers) -> float:
    """How well what was said tells rises from falls among the samples that moved: 0.5 is a coin, above 0.56 a leak.

    It is the chance that a rise was given a greater share of BUY against SELL than a fall was (Mann & Whitney 1947).
    """
    moved = answers != 1
    share = probabilities[moved, 2] / np.maximum(probabilities[moved, 2] + probabilities[moved, 0], LEAST)
    rises = answers[moved] == 2
    ups, downs = int(rises.sum()), int((~rises).sum())
    if ups == 0 or downs == 0:
        return 0.5
    _, where, times = np.unique(share, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(times) - (times - 1) / 2)[where]  # equals share the mean of their ranks
    return float((ranks[rises].sum() - ups * (ups + 1) / 2) / (ups * downs))


def calibration_error(probabilities: FloatArray, answers: Answers) -> float:
    """Mean distance between what was said and what came true, over ten bins of probability and all classes."""
    error, classes = 0.0, probabilities.shape[1]
    for answer in range(classes):
        said, true = probabilities[:, answer], answers == answer
        bins = np.minimum((said * BINS).astype(int), BINS - 1)
        for i in np.unique(bins):
            inside = bins == i
            error += abs(said[inside].mean() - true[inside].mean()) * inside.mean()
    return float(error / classes)
