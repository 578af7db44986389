import pytest

from libs.common.clock import VirtualClock
from services.predictor.training.progress import Progress, read_progress


def test_progress_is_said_in_steps_of_five_per_cent_with_rate_and_rest() -> None:
    clock, said = VirtualClock(), list[str]()
    progress = Progress("15m", clock=clock, say=said.append)
    for done in range(1, 101):
        clock.advance(0.5)
        progress.tell(done, 100)
    assert said[0] == "training 15m: 1 %, 2.0 rounds/s, 50 s left"
    assert said[-1] == "training 15m: 100 %, 2.0 rounds/s, 0 s left"
    assert len(said) == 21


@pytest.mark.parametrize(
    ("line", "read"),
    [("training 1h: 40 %, 9.1 rounds/s, 7 s left", ("1h", "40 %")), ("1h trained: 9 samples", None), ("", None)],
)
def test_the_service_reads_back_what_the_training_says(line: str, read: tuple[str, str] | None) -> None:
    assert read_progress(line) == read
