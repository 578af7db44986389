"""`python -m tests.chaos.matrix.mutation_check`: switch off each safety measure, and the matrix must go red, by name.

Every measure has the run that shows what it is for, and what the oracle then complains of; `--sane` makes the same runs
with everything on, and they must be green. Exit code 1 when a measure is not missed, or when a sane run is red.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from services.executor.core import commit_points as at
from tests.chaos.matrix.cell import Blow, Cell, How
from tests.chaos.matrix.crew import results
from tests.chaos.matrix.faults import Moment, RedisFate
from tests.chaos.matrix.mutations import MUTATIONS

EVIDENCE: Final = Path.cwd() / ".chaos" / "mutations"
TRIES: Final = 3
AT_ONCE: Final = 12  # runs mostly wait
TEMPTING: Final = "a tempting day"
PLAIN: Final = Cell(
    number=0,
    seed=1,
    blows=(Blow(at.EXIT_RECORDED, 1, 1),),
    fault="none",
    redis=RedisFate.KEPT,
    redis_at=Moment.START,
    executors=1,
    ledger_lost=False,
    down_ms=0,
    skew_ms=0,
    kept=True,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a measure is missed: a run of the matrix, and how the complaint of the oracle begins."""

    cell: Cell
    violation: str


def _run(
    number: int, violation: str, fault: str = "none", *, point: str = at.EXIT_RECORDED, executors: int = 1
) -> Shown:
    blow = Blow(point, 5 if fault.startswith(TEMPTING) else 1, 1)  # a tempting day is killed in its evening
    cell = replace(PLAIN, number=number, blows=(blow,), fault=fault, executors=executors)
    return Shown(cell, violation)


def _sleeper(number: int, violation: str) -> Shown:
    """One sleeps over its order until another has sent it anew, and wakes while that request is on its way."""
    blow = Blow(at.ENTRY_ADMITTED, 1, 1, How.PAUSE, until=at.ORDER_AGAIN)
    fault = "a sleeper wakes over his order"
    return Shown(replace(PLAIN, number=number, blows=(blow,), fault=fault, executors=2), violation)


TWICE, LATE = "no signal entered twice", "no stale signal entered"
CHECKS: Final[Mapping[str, Shown]] = {
    "deterministic id": _run(1, TWICE, TEMPTING),
    "intent before POST": _run(2, "never too many positions", f"{TEMPTING} of slow entries"),
    "freshness": _run(3, LATE, TEMPTING),
    "free gate": _run(102, TWICE, "next candle at once"),
    "UNKNOWN": _run(32, "never too many positions", "entry unheard and unseen"),
    "fencing": _sleeper(1006, "never too many positions"),
    "late-request refusal": _run(305, LATE, "entry delayed into the next candle"),
    "stop on entry": _run(8, "no position naked"),
    "position named in commands": _run(4, "commands name their position", TEMPTING),
    "outbox": _run(10, "one post-mortem for every losing trade", "a day of losses", point=at.TRADE_CLOSED),
    "catch-up": _run(11, "trades = round trips", "fills not pushed"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    measure: str
    good: bool
    line: str


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.chaos.matrix.mutation_check", description="Is each measure missed?")
    parser.add_argument("measures", nargs="*", metavar="measure", help=f"only these: {', '.join(MUTATIONS)}")
    parser.add_argument("--sane", action="store_true", help="switch nothing off: every run must be green")
    asked = parser.parse_args(words)
    good = True
    for verdict in verdicts(asked.measures or list(CHECKS), sane=asked.sane):
        good &= verdict.good
        print(verdict.line, flush=True)
    return int(not good)


def verdicts(measures: Sequence[str], *, sane: bool) -> Iterator[Verdict]:
    """Yield what became of each measure, in the order in which it is known.

    A measure that one run does not miss has another, for which executor is where when is the machine's own dice.
    """
    open_still = list(measures)
    for tried in range(1, 2 if sane else TRIES + 1):
        cells = [_cell(name, tried, mutation="" if sane else name) for name in open_still]
        names = {cell.number: name for cell, name in zip(cells, open_still, strict=True)}
        for result in results(cells, AT_ONCE, EVIDENCE):
            name, expected = names[result.number], CHECKS[names[result.number]].violation
            broken = result.findings.violations
            seen = next((text for text in broken if text.startswith(expected)), "")
            good = not broken if sane else bool(seen)
            if not (good or sane or tried == TRIES):
                continue
            open_still.remove(name)
            mark = "as it should be" if good else "NOT as it should be"
            told = seen or "; ".join(broken) or "green"
            yield Verdict(name, good, f"{name}: run {result.number} ({result.told}), {mark}: {told[:200]}")


def _cell(name: str, tried: int, *, mutation: str) -> Cell:
    """The `tried`-th run of a measure: the same misfortunes, drawn anew."""
    cell = CHECKS[name].cell
    return replace(cell, number=cell.number + (tried - 1) * 1_000, mutation=mutation)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
