"""`python -m tests.chaos.matrix`: kill executors at every commit point, under every misfortune, and judge each run.

Goes on where it stopped: what the journal has is not run again. Exit code 1 when anything was broken.
"""

import argparse
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from services.executor.core.commit_points import COMMIT_POINTS
from tests.chaos.matrix.cell import Cell, cell_of
from tests.chaos.matrix.crew import results
from tests.chaos.matrix.journal import Journal
from tests.chaos.matrix.run import Result

FOLDER: Final = Path(".chaos")
AT_ONCE: Final = 8  # for each core: runs mostly wait
TOLD_EVERY_S: Final = 15.0


def main(words: Sequence[str]) -> int:
    asked = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was begun is taken apart
    asked.folder = asked.folder.absolute()
    evidence = asked.folder / f"seed-{asked.seed}"
    if asked.run is not None:
        return _alone(replace(cell_of(asked.run, asked.seed, asked.mutation), kept=True), evidence)
    journal = Journal.of(asked.folder, asked.seed, asked.mutation)
    if asked.fresh:
        journal.file.unlink(missing_ok=True)
    done = {result.number: result for result in journal.results() if result.number < asked.runs}
    cells = [cell_of(n, asked.seed, asked.mutation) for n in range(asked.runs) if n not in done]
    if done:
        print(f"{len(done)} runs are in {journal.file} already", flush=True)
    progress = _Progress(len(cells))
    for result in results(cells, asked.at_once, evidence):
        journal.add(result)
        done[result.number] = result
        _complain(result, asked.seed, evidence)
        progress.tell(result)
    every = [done[number] for number in sorted(done)]
    print(summary(every), flush=True)
    return int(any(result.findings.violations for result in every))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.chaos.matrix", description="The crash matrix.")
    parser.add_argument("--runs", type=int, default=160)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="forget what the journal has")
    parser.add_argument("--run", type=int, help="this one alone, beside the journal; its evidence is kept")
    parser.add_argument("--at-once", type=int, default=AT_ONCE * (os.cpu_count() or 1))
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for the journal and the evidence")
    parser.add_argument("--mutation", default="", help="a safety measure that is switched off: see mutations.py")
    return parser


def _alone(cell: Cell, evidence: Path) -> int:
    print(cell.told, flush=True)
    [result] = results([cell], 1, evidence)
    _complain(result, cell.seed, evidence)
    print(f"{result.wall_s:.1f} s, {result.cpu_s:.2f} CPU s; reached {', '.join(result.reached)}")
    print(summary([result]))
    return int(bool(result.findings.violations))


def _complain(result: Result, seed: int, evidence: Path) -> None:
    if not result.findings.violations:
        return
    print(f"run {result.number} broke something: {result.told}")
    for violation in result.findings.violations:
        print(f"  {violation[:500]}")
    print(f"  again: make chaos RUN={result.number} SEED={seed}; evidence: {evidence}/run-{result.number}", flush=True)


class _Progress:
    def __init__(self, whole: int) -> None:
        self._whole, self._done, self._cpu = whole, 0, 0.0
        self._began = self._told = time.monotonic()

    def tell(self, result: Result) -> None:
        self._done += 1
        self._cpu += result.cpu_s
        now = time.monotonic()
        if now - self._told < TOLD_EVERY_S and self._done < self._whole:
            return
        self._told = now
        rate = self._done / (now - self._began)
        left = (self._whole - self._done) / rate
        print(
            f"{self._done} of {self._whole} runs, {rate * 60:.0f} a minute, {self._cpu / self._done:.2f} CPU s each, "
            f"{left / 60:.0f} min left",
            flush=True,
        )


def summary(done: Sequence[Result]) -> str:
    """The line that says it all, after what it was made of."""
    reached = Counter(point for result in done for point in result.reached)
    never = [point for point in COMMIT_POINTS if not reached[point]]
    found = [result.findings for result in done]
    cents = sum((Decimal(each.cents) for each in found), Decimal(0))
    told = {
        "runs": len(done),
        "kills": sum(r.kills for r in done),
        "pauses": sum(r.pauses for r in done),
        "faults injected": sum(r.faults for r in done),
        "round trips": sum(each.round_trips for each in found),
        "duplicates": sum(each.duplicates for each in found),
        "naked > 2 s": sum(each.naked for each in found),
        "positions over the limit": sum(each.too_many for each in found),
        "cents of difference": f"{cents.normalize():f}",
        "missing post-mortems": sum(each.missing_reports for each in found),
        "runs with any violation": sum(bool(each.violations) for each in found),
    }
    points = f"commit points reached: {len(COMMIT_POINTS) - len(never)} of {len(COMMIT_POINTS)}"
    line = ", ".join(f"{number} {name}" for name, number in told.items())
    return f"{points}{': never ' + ', '.join(never) if never else ''}\n{line}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
