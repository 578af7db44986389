from services.fetcher.core.progress import Progress


def test_it_says_share_rate_and_what_is_left() -> None:
    assert str(Progress("series", 300, 150, 1_000)) == "50 %, 150 series/s, 1 s left"


def test_a_slow_rate_has_a_decimal() -> None:
    assert str(Progress("series", 10, 1, 2_000)) == "10 %, 0.5 series/s, 18 s left"


def test_nothing_done_yet_has_no_rate() -> None:
    assert str(Progress("series", 10, 0, 2_000)) == "0 %"
    assert str(Progress("series", 0, 0, 0)) == "0 %"
