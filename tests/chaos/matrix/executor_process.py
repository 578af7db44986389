"""Executors forked from a warm parent: real processes with the product's own adapters, imports paid once.

The nursery is forked before its parent has a thread or a loop, and forks every executor itself. It ends when its
parent does, and takes its children along.
"""

import gc
import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Final, NoReturn

from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock
from libs.common.exchange.endpoints import Endpoint
from libs.common.health import Health
from libs.common.locks.redis_locks import RedisLocks
from libs.common.logs import configure_logs
from libs.common.process import outcome
from libs.common.settings.sections import ServiceSection
from libs.common.units import Fraction, Instant
from services.executor.adapters.venue import open_trading
from services.executor.core.protections import Limits
from services.executor.service import Executor
from services.executor.shell.desk import Desk, Figures
from tests.chaos.matrix.cell import Blow, How
from tests.chaos.matrix.mutations import MUTATIONS
from tests.chaos.matrix.warm_ledger import open_ledger
from tests.support.paper_venue import KEY, SECRET
from tests.support.trading_room import figures

PREFIX: Final = "ik:"
MOST_POSITIONS: Final = 3


@dataclass(frozen=True, slots=True)
class Birth:
    """Everything that an executor is told: its settings, and what will happen to it."""

    name: str
    home: Path
    endpoint: Endpoint
    redis_url: str
    blows: tuple[Blow, ...]
    skew_ms: int
    mutation: str

    @property
    def figures(self) -> Figures:
        """The product's own figures, but for fewer positions, so that few signals fill them."""
        usual = figures(self.home, stop_interval_ms=500)
        risk = usual.risk
        most = type(risk)(risk.risk_per_trade, risk.stop_atr, risk.leverage, MOST_POSITIONS)
        limits = Limits(usual.limits.cooldown_after_loss_ms, Fraction(usual.limits.max_daily_loss * 9))
        return figures(self.home, stop_interval_ms=500, risk=most, limits=limits)


class SkewedClock(SystemClock):
    """A machine whose clock is wrong."""

    def __init__(self, skew_ms: int) -> None:
        self._skew_ms = skew_ms

    def now(self) -> Instant:
        return Instant(super().now() + self._skew_ms)


class Fate:
    """Strikes at the commit points that are told; each blow falls once, whoever reaches its point first."""

    def __init__(self, home: Path, blows: tuple[Blow, ...]) -> None:
        self._home, self._blows = home, blows
        self._counts: dict[str, int] = {}
        self._seen = os.open(home / "reached", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def reached(self, point: str) -> None:
        count = self._counts[point] = self._counts.get(point, 0) + 1
        if count == 1:
            os.write(self._seen, f"{point}\n".encode())
        for blow in self._blows:
            if blow.point == point and blow.nth == count and self._takes(blow):
                os.kill(os.getpid(), signal.SIGKILL if blow.how is How.KILL else signal.SIGSTOP)

    def _takes(self, blow: Blow) -> bool:
        try:
            os.close(os.open(mark(self._home, blow), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


def mark(home: Path, blow: Blow) -> Path:
    """The file that says that a blow has fallen."""
    return home / f"{blow.how}-{blow.life}-{blow.point}"


async def serve_executor(birth: Birth) -> None:
    """As services/executor/main.py, without its REST server."""
    clock, name = SkewedClock(birth.skew_ms), birth.name
    ledger, health = open_ledger(birth.home), Health("executor", name)
    cursors = birth.home / "cursors"
    async with (
        open_trading(birth.endpoint, (KEY, SECRET), clock, name) as trading,
        RedisBus.connect(
            birth.redis_url, prefix=PREFIX, service="executor", instance=name, cursors=cursors, clock=clock
        ) as bus,
        RedisLocks.connect(birth.redis_url, prefix=PREFIX, clock=clock) as locks,
    ):
        reached = Fate(birth.home, birth.blows).reached
        desk = Desk(trading, ledger, locks, clock, birth.figures, name, health, reached=reached)
        await Executor(desk, bus).run()


def live(birth: Birth) -> NoReturn:
    """Be an executor, from the fork to the end."""
    log = os.open(birth.home / f"{birth.name}.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, log)
    os.closerange(log + 1, 256)
    configure_logs("executor", ServiceSection(home=birth.home, instance=birth.name, log_format="json"))
    if birth.mutation:
        MUTATIONS[birth.mutation]()
    code = outcome(lambda: serve_executor(birth), service="executor")
    sys.stderr.flush()
    os._exit(code)


class Nursery:
    """Forks executors when it is asked to; call `open` before anything starts a thread or a loop."""

    def __init__(self, pid: int, wire: Connection) -> None:
        self._pid, self._wire = pid, wire

    @classmethod
    def open(cls) -> "Nursery":
        ours, theirs = Pipe()
        pid = os.fork()
        if not pid:
            ours.close()
            _tend(theirs)
        theirs.close()
        return cls(pid, ours)

    def bears(self, birth: Birth) -> int:
        """Fork an executor; returns its process id."""
        return int(self._asked(birth))

    def buries(self, pid: int) -> int:
        """Take the exit code of one that has ended, or is being killed; negative: the signal that killed it."""
        return int(self._asked(pid))

    def cpu_s(self) -> float:
        """CPU time of every child that was buried."""
        return self._asked(None)

    def close(self) -> None:
        self._wire.close()
        os.waitpid(self._pid, 0)

    def _asked(self, question: Birth | int | None) -> float:
        self._wire.send(question)
        return float(self._wire.recv())


def _tend(wire: Connection) -> NoReturn:
    """The nursery's own life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    children: set[int] = set()
    with suppress(EOFError, BrokenPipeError):
        while True:
            asked = wire.recv()
            match asked:
                case Birth():
                    children.add(pid := _forked(asked))
                    wire.send(pid)
                case int():
                    _, status = os.waitpid(asked, 0)
                    children.discard(asked)
                    wire.send(os.waitstatus_to_exitcode(status))
                case _:
                    used = resource.getrusage(resource.RUSAGE_CHILDREN)
                    wire.send(used.ru_utime + used.ru_stime)
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os._exit(0)


def _forked(birth: Birth) -> int:
    pid = os.fork()
    if not pid:
        live(birth)
    return pid


def keep_warm() -> None:
    """Leave what is in memory now to all who are forked: nobody's collector writes to its pages."""
    gc.collect()
    gc.freeze()
