import math

import numpy as np

from libs.common.clock import VirtualClock
from services.predictor.core.compiled import compiled
from services.predictor.core.features import mean, ratio
from services.predictor.training.compile import compile_kernel
from tests.support.candles import walk


@compiled
def divide(part: float, whole: float) -> float:
    """Divide as the machine does."""
    return part / whole


def test_division_by_nothing_is_infinite_and_is_not_raised() -> None:
    assert divide(1.0, 0.0) == math.inf
    assert math.isnan(divide(0.0, 0.0))


def test_a_compiled_sum_is_taken_in_the_order_written() -> None:
    close, total = walk(96)[:, 4], 0.0
    for value in close:
        total += value
    assert mean(np.ascontiguousarray(close)) == total / 96


def test_a_ratio_to_nothing_is_what_the_caller_says() -> None:
    assert (ratio(1.0, 2.0, 0.5), ratio(1.0, 0.0, 0.5)) == (0.5, 0.5)


def test_the_kernel_is_compiled_by_using_it_and_the_time_is_told() -> None:
    assert compile_kernel(VirtualClock()) == 0  # a clock that nobody moves
