"""What one run is: derived from its number and the seed, so that anybody can repeat it.

Numbers walk through the commit points first and the faults second, so that the first runs of any length are spread
over both; everything else is drawn.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from services.executor.core import commit_points as at
from services.executor.core.commit_points import COMMIT_POINTS
from tests.chaos.matrix.faults import FAULTS, Moment, RedisFate

OF_A_START: Final = frozenset(point for point in COMMIT_POINTS if point.startswith(("recovery.", "session.")))
OFTEN: Final = frozenset({at.FILLS_BOOKED, at.EVENTS_PUBLISHED, at.EVENTS_MARKED, at.STOP_RECORDED})
# Points that a story reaches only when something went wrong on the way to them.
NEEDS: Final = {
    at.ORDER_AGAIN: ("entry request lost", "entry 10006", "entry 10002", "exit request lost"),
    at.ORDER_FOUND: ("entry reply dropped", "entry answer unreadable", "entry 502, accepted", "exit reply dropped"),
    at.CANCEL_SENT: ("entry request lost", "entry 503, nothing happened"),
    at.POSITION_ADOPTED: ("position opened by hand",),
}

# A position without a stop waits for a living executor: these are not kept without one for longer than a start takes.
NAKED: Final = frozenset({"stop lost", "position opened by hand"})


class How(StrEnum):
    KILL = "kill"
    PAUSE = "pause"  # SIGSTOP, and SIGCONT when its lock's lease is long over


@dataclass(frozen=True, slots=True)
class Blow:
    """What happens to an executor that reaches a commit point for the n-th time, in its n-th life.

    until: a pause lasts until somebody has reached this point, too.
    """

    point: str
    nth: int
    life: int
    how: How = How.KILL
    until: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """`mutation` names the safety measure that is switched off: see mutations.py. `kept`: its evidence stays."""

    number: int
    seed: int
    blows: tuple[Blow, ...]
    fault: str
    redis: RedisFate
    redis_at: Moment
    executors: int
    ledger_lost: bool
    down_ms: int  # between a death and the next start
    skew_ms: int  # of the executors' wall clock
    mutation: str = ""
    kept: bool = False

    @property
    def dice(self) -> Random:
        """For what the story draws."""
        return Random(f"{self.seed}/{self.number}/story")

    @property
    def told(self) -> str:
        blows = ", ".join(f"{b.how} at {b.point} #{b.nth} in life {b.life}" for b in self.blows)
        ledger = ", ledger lost" if self.ledger_lost else ""
        skew = f", clock {self.skew_ms:+d} ms" if self.skew_ms else ""
        return f"{blows}; {self.fault}; Redis {self.redis}; {self.executors} executors{ledger}{skew}"


def cell_of(number: int, seed: int, mutation: str = "") -> Cell:
    """Return run `number` of a seed."""
    dice = Random(f"{seed}/{number}")
    point = COMMIT_POINTS[number % len(COMMIT_POINTS)]
    names = NEEDS.get(point) or tuple(FAULTS)
    fault = names[(number // len(COMMIT_POINTS) + number % len(COMMIT_POINTS) * 7) % len(names)]
    redis = dice.choices(tuple(RedisFate), weights=(50, 20, 10, 10, 10))[0]
    executors = dice.choice((1, 1, 2))
    lost = point == at.RECOVERY_REMEMBERED or (point in OF_A_START and dice.random() < 0.2)
    blows = _blows(point, executors, dice)
    if fault in NAKED and len(blows) > 1 and point not in OF_A_START:
        blows = blows[:1]
    return Cell(
        number=number,
        seed=seed,
        blows=blows,
        fault=fault,
        redis=redis,
        redis_at=dice.choice(tuple(Moment)),
        executors=1 if lost else executors,
        ledger_lost=lost,
        down_ms=0 if fault in NAKED else dice.choice((0, 0, 300, 1_000)),
        skew_ms=dice.choice((0, 0, 0, 700, -700)),
        mutation=mutation,
    )


def _blows(point: str, executors: int, dice: Random) -> tuple[Blow, ...]:
    """One blow at `point`, and often another in the life after it."""
    if point in OF_A_START:
        before = dice.choice((at.ENTRY_ANSWERED, at.ENTRY_RECORDED, at.FILLS_BOOKED, at.STOP_SENT, at.EXIT_ANSWERED))
        return Blow(before, 1, 1), Blow(point, 1, 2)
    nth = dice.choice((1, 2, 5)) if point in OFTEN else dice.choice((1, 1, 2))
    if executors > 1 and dice.random() < 0.4:
        return Blow(point, nth, 1, How.PAUSE), Blow(dice.choice(COMMIT_POINTS), 1, 1)
    again = dice.choice(tuple(sorted(OF_A_START)))
    return (Blow(point, nth, 1), Blow(again, 1, 2)) if dice.random() < 0.4 else (Blow(point, nth, 1),)
