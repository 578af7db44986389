import pytest

from libs.common.units import Instant
from services.executor.core.switch import Level, SwitchState, halt_text, parse_halt, raised, resumed, stricter

NOW = Instant(7)


def test_a_weaker_command_never_opens_a_stronger_switch() -> None:
    halted = raised(SwitchState(), Level.HALTED, by="me", reason="news", at=NOW)
    assert raised(halted, Level.PAUSED, by="you", reason="lunch", at=NOW) == halted


def test_resume_clears_a_pause_and_only_said_so_the_rest() -> None:
    paused = SwitchState(Level.PAUSED)
    halted = SwitchState(Level.HALTED, flattening=True)
    assert resumed(paused, halted=False, by="me", reason="", at=NOW).level is Level.OPEN
    assert resumed(halted, halted=False, by="me", reason="", at=NOW) == halted
    opened = resumed(halted, halted=True, by="me", reason="", at=NOW)
    assert (opened.level, opened.flattening) == (Level.OPEN, False)


@pytest.mark.parametrize("level", Level)
def test_a_halt_file_says_what_was_written(level: Level) -> None:
    assert parse_halt(halt_text(level, by="cli", reason="fire")) is level


@pytest.mark.parametrize("text", ["", "stop everything!!", "\n"])
def test_a_halt_file_that_cannot_be_read_halts(text: str) -> None:
    assert parse_halt(text) is Level.HALTED


def test_the_stricter_of_two_levels_counts() -> None:
    assert stricter(Level.PAUSED, Level.DETACHED) is Level.DETACHED
    assert stricter(Level.HALTED, Level.OPEN) is Level.HALTED
