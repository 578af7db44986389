import pytest

from libs.common.units import HOUR_MS, Instant
from services.trailing.core.time_stop import is_over


@pytest.mark.parametrize(("open_ms", "over"), [(0, False), (48 * HOUR_MS - 1, False), (48 * HOUR_MS, True)])
def test_a_position_is_left_once_it_was_open_for_the_whole_time(open_ms: int, over: bool) -> None:
    assert is_over(opened_at=Instant(1_000), now=Instant(1_000 + open_ms), max_hours=48) is over
