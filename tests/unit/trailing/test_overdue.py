import pytest

from libs.common.units import Instant, Side
from services.trailing.core.overdue import GRACE_MS, is_beyond, is_overdue
from tests.support.positions import price_of


@pytest.mark.parametrize(
    ("side", "stop", "last", "mark", "beyond"),
    [
        (Side.LONG, "98", "97", "97", True),
        (Side.LONG, "98", "98", "98", False),  # at the stop is where it fires, not beyond it
        (Side.LONG, "98", "97", "99", False),  # the venue may judge by the other price
        (Side.SHORT, "102", "103", "103", True),
        (Side.SHORT, "102", "101", "103", False),
        (Side.LONG, None, "1", "1", False),
    ],
)
def test_a_price_is_beyond_a_stop_when_last_and_mark_are(
    side: Side, stop: str | None, last: str, mark: str, beyond: bool
) -> None:
    known = None if stop is None else price_of(stop)
    assert is_beyond(side, stop=known, last=price_of(last), mark=price_of(mark)) is beyond


def test_a_stop_is_overdue_only_after_the_grace() -> None:
    assert not is_overdue(None, Instant(10**9))
    assert not is_overdue(Instant(1_000), Instant(1_000 + GRACE_MS - 1))
    assert is_overdue(Instant(1_000), Instant(1_000 + GRACE_MS))
