import pytest

from ironkeel.cli.progress import telling
from libs.common.clock import VirtualClock


def test_long_work_says_how_far_it_is_at_what_rate_and_how_long_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    clock = VirtualClock()
    with telling("pages", 120, clock) as tell:
        for done in (10, 20, 30):
            clock.advance(2)
            tell(done)
    said = capsys.readouterr()
    assert (said.out + said.err).splitlines() == ["30 of 120 pages, 5.0/s, 18 s left"]


def test_work_of_which_nothing_is_done_has_no_rest_yet(capsys: pytest.CaptureFixture[str]) -> None:
    clock = VirtualClock()
    with telling("pages", 120, clock) as tell:
        clock.advance(6)
        tell(0)
    said = capsys.readouterr()
    assert (said.out + said.err).splitlines() == ["0 of 120 pages, 0.0/s"]
