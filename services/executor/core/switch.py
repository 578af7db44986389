"""The kill switch: how much the executor may still do. It only closes by itself; opening it takes a person.

The command line can close it without Redis and without the executor: it writes `HALT` into the home folder, and
admission reads that file in the same breath as the ledger's own row.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from libs.common.units import Instant

HALT_FILE: Final = "HALT"  # in the home folder; first line: the level, then who and why


class Level(StrEnum):
    OPEN = "open"
    PAUSED = "paused"  # no entries
    HALTED = "halted"  # no entries, working entries cancelled
    DETACHED = "detached"  # nothing is managed; stops stay at the venue

    @property
    def severity(self) -> int:
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class SwitchState:
    """`flattening`: every position is to be closed; it ends when all are flat."""

    level: Level = Level.OPEN
    flattening: bool = False
    by: str = ""
    reason: str = ""
    at: Instant = Instant(0)  # wall time


def stricter(first: Level, second: Level) -> Level:
    return max(first, second, key=lambda level: level.severity)


def is_void(state: SwitchState, *, opening: bool, said_at: Instant) -> bool:
    """Whether a command comes too late to count: the stream may deliver late, twice, and to another executor.

    A resume does not outlive anything that was said after it, and a resume ends all that was said before it.
    """
    return said_at < state.at and (opening or state.level is Level.OPEN)


def raised(state: SwitchState, level: Level, *, by: str, reason: str, at: Instant) -> SwitchState:
    """Return the state closed at least to `level`; a weaker command never opens a stronger one."""
    if level.severity < state.level.severity:
        return state
    return SwitchState(level, state.flattening, by, reason, at)


def resumed(state: SwitchState, *, halted: bool, by: str, reason: str, at: Instant) -> SwitchState:
    """Return the state after `resume`: a pause is cleared, more than a pause only when `halted` is said."""
    if state.level.severity > Level.PAUSED.severity and not halted:
        return state
    return SwitchState(Level.OPEN, False, by, reason, at)


def halt_text(level: Level, *, by: str, reason: str) -> str:
    """The content of the HALT file."""
    return f"{level}\n{by}: {reason}\n"


def parse_halt(text: str) -> Level:
    """The level that a HALT file asks for; whatever cannot be read means halted."""
    word = text.split("\n", 1)[0].strip()
    return Level(word) if word in set(Level) else Level.HALTED
