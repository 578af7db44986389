from itertools import islice
from random import Random

from libs.common.retry import backoff


def test_waits_double_up_to_the_ceiling_and_stay_there() -> None:
    assert list(islice(backoff(first=0.5, ceiling=3), 5)) == [0.5, 1, 2, 3, 3]


def test_with_dice_each_wait_lies_in_the_upper_half_and_is_the_same_for_the_same_seed() -> None:
    one, other = (list(islice(backoff(first=1, ceiling=8, dice=Random(7)), 6)) for _ in range(2))
    assert one == other
    assert all(full / 2 <= wait <= full for wait, full in zip(one, (1, 2, 4, 8, 8, 8), strict=True))
