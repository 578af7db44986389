"""Many runs at once: workers forked from a warm parent, each with a Redis and a nursery of its own.

A worker that dies, or that is silent for longer than any run may take, is a violation of the run that it had.
"""

import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Final, NoReturn

import structlog
import uvloop

from libs.common.logs import mask_secrets
from tests.chaos.matrix.cell import Cell
from tests.chaos.matrix.executor_process import Nursery, keep_warm
from tests.chaos.matrix.oracle import Findings
from tests.chaos.matrix.pulse import STARVED_MS
from tests.chaos.matrix.rehearsal import rehearse
from tests.chaos.matrix.run import Result, run
from tests.chaos.matrix.world import RedisServer

MOST_TRIES: Final = 4  # of a run that the machine was too slow for
LONGEST_S: Final = 240.0  # of wall: a run that takes longer hangs
MEMORY: Final = Path("/dev/shm")


@dataclass
class Worker:
    pid: int
    wire: Connection
    cell: Cell | None = None
    since: float = 0.0


def results(cells: Sequence[Cell], workers: int, evidence: Path) -> Iterator[Result]:
    """Yield the results of all cells as they come, `workers` at a time; the homes of broken runs go to `evidence`."""
    rehearse()
    keep_warm()
    scratch = Path(tempfile.mkdtemp(prefix="ironkeel-chaos-", dir=MEMORY if MEMORY.is_dir() else None))
    crew: list[Worker] = []
    by_number, tries = {cell.number: cell for cell in cells}, Counter[int]()
    waiting, room = list(reversed(cells)), Room(workers)
    try:
        for _ in range(min(workers, len(cells))):
            crew.append(_hired(scratch, evidence, [each.wire for each in crew]))
        while waiting or any(worker.cell for worker in crew):
            room.fill(crew, waiting)
            for result in _heard(crew, scratch, evidence):
                cell = by_number[result.number]
                room.felt(result)
                if result.is_unfair and tries[result.number] < MOST_TRIES:
                    tries[result.number] += 1
                    waiting.insert(0, cell)
                else:
                    yield result
    finally:
        for worker in crew:
            worker.wire.close()
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGTERM)
        for worker in crew:
            os.waitpid(worker.pid, 0)
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass
class Room:
    """How many runs the machine bears at once: fewer as soon as one was starved, slowly more while none is."""

    most: int
    now: float = 0.0

    def __post_init__(self) -> None:
        self.now = float(self.most)

    def felt(self, result: Result) -> None:
        starved = result.late_ms > STARVED_MS
        self.now = max(1.0, self.now - 1) if starved else min(float(self.most), self.now + 0.25)

    def fill(self, crew: list[Worker], waiting: list[Cell]) -> None:
        """Give work to idle workers while there is room."""
        busy = sum(worker.cell is not None for worker in crew)
        for worker in crew:
            if worker.cell is None and waiting and busy < int(self.now):
                worker.cell, worker.since = waiting.pop(), time.monotonic()
                worker.wire.send(worker.cell)
                busy += 1


def _heard(crew: list[Worker], scratch: Path, evidence: Path) -> Iterator[Result]:
    """Results that have come, and verdicts on workers that died or hang."""
    busy = {worker.wire: worker for worker in crew if worker.cell is not None}
    ready = [busy[wire] for wire in wait(list(busy), timeout=1.0) if isinstance(wire, Connection)]
    for worker in ready:
        cell, worker.cell = worker.cell, None
        assert cell is not None
        try:
            told = worker.wire.recv()
        except (EOFError, ConnectionResetError):
            told = "its process died"
        if isinstance(told, Result):
            yield told
        else:
            yield _broken(cell, str(told), evidence)
            _replace(crew, worker, scratch, evidence)
    now = time.monotonic()
    for worker in busy.values():
        if worker.cell is not None and now - worker.since > LONGEST_S:
            cell, worker.cell = worker.cell, None
            os.kill(worker.pid, signal.SIGKILL)
            _replace(crew, worker, scratch, evidence)
            yield _broken(cell, f"it hung: no verdict within {LONGEST_S:.0f} s", evidence)


def _replace(crew: list[Worker], worker: Worker, scratch: Path, evidence: Path) -> None:
    with suppress(ProcessLookupError):
        os.kill(worker.pid, signal.SIGTERM)
    os.waitpid(worker.pid, 0)
    worker.wire.close()
    fresh = _hired(scratch, evidence, [each.wire for each in crew if each is not worker])
    worker.pid, worker.wire = fresh.pid, fresh.wire


def _broken(cell: Cell, why: str, evidence: Path) -> Result:
    folder = evidence / f"run-{cell.number}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "verdict.txt").write_text(f"{cell.told}\n{why}\n")
    last = why.strip().splitlines()[-1]
    return Result(cell.number, cell.told, 0, 0, 0, Findings((f"no verdict: {last}",), 0, 0, 0, "0", 0, 0), (), 0.0, 0.0)


def _hired(scratch: Path, evidence: Path, others: Sequence[Connection]) -> Worker:
    ours, theirs = Pipe()
    pid = os.fork()
    if not pid:
        for wire in (ours, *others):
            wire.close()
        _work(theirs, scratch, evidence)
    theirs.close()
    return Worker(pid, ours)


def _work(wire: Connection, scratch: Path, evidence: Path) -> NoReturn:
    """A worker's life: runs, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    home = scratch / f"worker-{os.getpid()}"
    home.mkdir()
    nursery = Nursery.open()
    _log_to(home / "log")
    redis = RedisServer(home)
    signal.signal(signal.SIGTERM, lambda *_: _stop(redis))
    with suppress(EOFError, BrokenPipeError):
        while True:
            cell = wire.recv()
            try:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    told: Result | str = runner.run(run(cell, scratch, evidence, redis, nursery))
            except BaseException:  # noqa: BLE001 whatever it was, it is told as this run's verdict
                told = traceback.format_exc()
            wire.send(told)
    _stop(redis)


def _stop(redis: RedisServer) -> NoReturn:
    """The end, once: a second request for it must not interrupt it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    redis.stop()
    os._exit(0)


def _log_to(file: Path) -> None:
    """The exchange's and the story's own log; executors have theirs."""
    sys.stderr = file.open("a")
    structlog.configure(
        processors=[
            mask_secrets,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
