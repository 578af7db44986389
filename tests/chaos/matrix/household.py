"""The executors of one run, watched over: whoever dies is followed by another, whoever sleeps is woken."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from libs.common.exchange.endpoints import Endpoint
from libs.common.locks.held import LOCK_MS
from tests.chaos.matrix.cell import Blow, Cell, How
from tests.chaos.matrix.executor_process import Birth, Nursery, mark
from tests.chaos.matrix.patience import until

ASLEEP_S: Final = LOCK_MS / 1_000 + 1.5  # longer than any lease
MOST_LIVES: Final = 12  # of one name: more means that it cannot start


@dataclass
class Household:
    """`on_death` is awaited between a death and the next birth; deaths that were not ours are `failures`."""

    cell: Cell
    home: Path
    endpoint: Endpoint
    redis_url: str
    nursery: Nursery
    on_death: Callable[[], Awaitable[None]]
    kills: int = 0
    pauses: int = 0
    failures: list[str] = field(default_factory=list)
    _pids: dict[str, int] = field(default_factory=dict)
    _lives: dict[str, int] = field(default_factory=dict)
    _deaths: int = 0
    _watching: list["asyncio.Task[None]"] = field(default_factory=list)
    _ending: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"executor-{n}" for n in range(1, self.cell.executors + 1))

    def begin(self) -> None:
        self._watching = [asyncio.create_task(self._look_after(name)) for name in self.names]
        self._watching.append(asyncio.create_task(self._wake_sleepers()))

    def check(self) -> None:
        """Raise what a watcher failed with."""
        for task in self._watching:
            if task.done():
                task.result()

    @property
    def missed(self) -> tuple[Blow, ...]:
        """Blows whose moment has not come."""
        return tuple(blow for blow in self.cell.blows if not mark(self.home, blow).exists())

    def kill_one(self) -> None:
        """SIGKILL out of nowhere."""
        name = self.names[-1]
        with suppress(ProcessLookupError, KeyError):
            os.kill(self._pids[name], signal.SIGKILL)

    async def end(self) -> None:
        """SIGKILL to all."""
        self._ending = True
        for pid in self._pids.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        *lives, wake = self._watching
        wake.cancel()
        await asyncio.gather(*lives, wake, return_exceptions=True)

    async def _look_after(self, name: str) -> None:
        while not self._ending:
            lives = self._lives[name] = self._lives.get(name, 0) + 1
            if lives > MOST_LIVES:
                self.failures.append(f"{name} died {MOST_LIVES} times")
                return
            pid = self._pids[name] = self.nursery.bears(self._birth(name))
            await _death(pid)
            code = self.nursery.buries(pid)
            if self._ending:
                return
            self._deaths += 1
            if code == -signal.SIGKILL:
                self.kills += 1
            else:
                self.failures.append(f"{name} ended with {code}")
            await self.on_death()

    def _birth(self, name: str) -> Birth:
        """Blows belong to a life of the household: its first ends with the first death."""
        life = self._deaths + 1
        blows = tuple(blow for blow in self.cell.blows if blow.life == life)
        cell = self.cell
        return Birth(name, self.home, self.endpoint, self.redis_url, blows, cell.skew_ms, cell.mutation)

    async def _wake_sleepers(self) -> None:
        pauses = [blow for blow in self.cell.blows if blow.how is How.PAUSE]
        for blow in pauses:
            await until(mark(self.home, blow).exists)
            await asyncio.sleep(ASLEEP_S)
            await until(partial(self._is_reached, blow.until))
            self.pauses += 1
            for pid in self._pids.values():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _is_reached(self, point: str) -> bool:
        return point in (self.home / "reached").read_text()


async def _death(pid: int) -> None:
    """Return when a process has ended, whoever's child it is."""
    gone, loop, handle = asyncio.Event(), asyncio.get_running_loop(), os.pidfd_open(pid)
    loop.add_reader(handle, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
