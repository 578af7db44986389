from services.executor.core.kept import Kept, PositionStatus
from tests.support.matches import held


def test_a_position_is_kept_open_and_unasked_for_at_first() -> None:
    kept = Kept(held())
    assert kept.status is PositionStatus.OPEN
    assert kept.closing is None
