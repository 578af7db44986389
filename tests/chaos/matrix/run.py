"""One run from its cell to its verdict: a world made anew, a story told in it, quiet awaited, the audit judged."""

import asyncio
import os
import resource
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson
from pydantic import JsonValue

from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock
from libs.common.contracts.message import Message
from libs.common.contracts.postmortems import PostmortemWritten
from libs.common.errors import Transient
from libs.common.service import serve
from services.executor.adapters.ledger import Ledger
from services.postmortem.service import Postmortem
from tests.chaos.matrix.cell import Cell
from tests.chaos.matrix.executor_process import PREFIX, Nursery
from tests.chaos.matrix.faults import RedisFate
from tests.chaos.matrix.household import Household
from tests.chaos.matrix.oracle import UNSETTLED, Findings, asked_for, findings, is_of_time, trades_of, unsettled
from tests.chaos.matrix.pulse import STARVED_MS, pulse
from tests.chaos.matrix.story import Story
from tests.chaos.matrix.temptations import fallen
from tests.chaos.matrix.warm_ledger import FILE, open_ledger
from tests.chaos.matrix.world import Exchange, RedisServer, exchange

QUIET_WITHIN_S: Final = 75.0  # longer than an unsure difference is looked at before it is believed
INSIST_S: Final = 8.0
LOOK_S: Final = 0.25
LEDGER: Final = (FILE, f"{FILE}-wal", f"{FILE}-shm")


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to."""

    number: int
    told: str
    kills: int
    pauses: int
    faults: int
    findings: Findings
    reached: tuple[str, ...]
    cpu_s: float
    wall_s: float
    late_ms: float = 0.0  # the longest that the exchange was kept waiting for a core

    @property
    def is_unfair(self) -> bool:
        """Whether all that it broke are limits of time, on a machine that stood still for long enough to break them."""
        broken = self.findings.violations
        return self.late_ms > STARVED_MS and bool(broken) and is_of_time(broken)


@dataclass
class Run:
    """Everything of one run that is taken apart at its end."""

    cell: Cell
    home: Path
    redis: RedisServer
    nursery: Nursery
    reports: dict[str, PostmortemWritten] = field(default_factory=dict)
    _ledger: Ledger | None = None
    _died: bool = False
    losses: int = 0

    async def __call__(self) -> Result:
        began, cpu = time.monotonic(), self._cpu_s()
        self.redis.empty()
        self.home.mkdir(parents=True)
        self.ledger()
        async with pulse() as felt, exchange(self.home) as venue, self._bus("story") as bus, self._postmortem():
            people = Household(self.cell, self.home, venue.endpoint, self.redis.url, self.nursery, self._on_death)
            story = Story(self.cell, venue, self.redis, bus, people, self.ledger)
            await story.tell()
            others = await self._quiet(story, venue, bus)
            await people.end()
            audit = await venue.audit()
        with self.ledger().read() as pages:
            trades = trades_of(pages)
        others += [*people.failures, *fallen(audit, story.said), *asked_for(self.ledger())]
        judged = findings(audit, trades, tuple(self.reports), others)
        if judged.violations or self.cell.kept:
            self._keep(audit, trades)
        if self._ledger is not None:
            self._ledger.close()
        reached = tuple(sorted(set((self.home / "reached").read_text().split())))
        return Result(
            number=self.cell.number,
            told=self.cell.told,
            kills=people.kills,
            pauses=people.pauses,
            faults=story.faults + self.losses,
            findings=judged,
            reached=reached,
            cpu_s=self._cpu_s() - cpu,
            wall_s=time.monotonic() - began,
            late_ms=felt.latest_ms,
        )

    def ledger(self) -> Ledger:
        """The ledger as it is now: a lost one is opened anew."""
        if self._ledger is None:
            self._ledger = open_ledger(self.home)
        return self._ledger

    def _cpu_s(self) -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime + self.nursery.cpu_s()

    async def _on_death(self) -> None:
        """What is lost with the first death, and how long nobody is there."""
        first, self._died = not self._died, True
        if first and self.cell.redis is RedisFate.COLD:
            self.redis.empty()
            self.losses += 1
        if first and self.cell.ledger_lost:
            self.ledger().close()
            self._ledger = None
            for name in LEDGER:
                (self.home / name).unlink(missing_ok=True)
            self.losses += 1
        await asyncio.sleep(self.cell.down_ms / 1_000)

    async def _quiet(self, story: Story, venue: Exchange, bus: RedisBus) -> list[str]:
        """Wait until nothing is under way any more; returns what still is when patience ends."""
        loop = asyncio.get_running_loop()
        deadline, insist = loop.time() + QUIET_WITHIN_S, loop.time() + INSIST_S
        while left := await self._under_way(story, venue, bus):
            story.people.check()
            if loop.time() >= deadline:
                return [f"{UNSETTLED} within {QUIET_WITHIN_S:.0f} s: {'; '.join(left)}"]
            if loop.time() >= insist:
                insist = loop.time() + INSIST_S
                await story.insists()
            await asyncio.sleep(LOOK_S)
        return []

    async def _under_way(self, story: Story, venue: Exchange, bus: RedisBus) -> list[str]:
        with self.ledger().read() as pages:
            left = unsettled(pages)
            losing = {str(t["trade_id"]) for t in trades_of(pages) if str(t["pnl_usd"]).startswith("-")}
        left += [f"{p.symbol} is open at the venue" for p in venue.world.books.open_positions()]
        left += [f"{missing} has no report" for missing in sorted(losing - self.reports.keys())]
        try:
            lags = await bus.lag(["signal", "command"])
        except Transient as error:
            return [*left, str(error)]
        behind = [lag for lag in lags if lag.waiting or lag.pending]
        return [*left, *(f"{lag.waiting + lag.pending} of {lag.stream} unread" for lag in behind)]

    @asynccontextmanager
    async def _bus(self, instance: str, service: str = "executor") -> AsyncIterator[RedisBus]:
        """A bus of nobody that is killed; under the executor's name its lag can be asked for."""
        clock = SystemClock()
        async with RedisBus.connect(
            self.redis.url, prefix=PREFIX, service=service, instance=instance, cursors=None, clock=clock
        ) as bus:
            yield bus

    @asynccontextmanager
    async def _postmortem(self) -> AsyncIterator[None]:
        """The service that explains losses, with its reports in memory."""

        async def keep(decisions: Sequence[Message]) -> None:
            self.reports |= {each.trade_id: each for each in decisions if isinstance(each, PostmortemWritten)}

        async with self._bus("postmortem", "postmortem") as bus:
            serving = asyncio.create_task(serve(Postmortem(), bus=bus, clock=SystemClock(), keep=keep))
            try:
                yield
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

    def _keep(self, audit: Mapping[str, JsonValue], trades: Sequence[Mapping[str, JsonValue]]) -> None:
        """Write down what the verdict was made of, beside ledger and logs."""
        (self.home / "audit.json").write_bytes(orjson.dumps(audit, option=orjson.OPT_INDENT_2))
        told = [dict(trade) for trade in trades]
        (self.home / "trades.json").write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))


async def run(cell: Cell, scratch: Path, evidence: Path, redis: RedisServer, nursery: Nursery) -> Result:
    """Do one run in `scratch`; its home is moved to `evidence` when it broke something, and deleted else."""
    home = scratch / f"run-{cell.number}-{os.getpid()}"
    result = await Run(cell, home, redis, nursery)()
    kept = evidence / f"run-{cell.number}"
    shutil.rmtree(kept, ignore_errors=True)
    if result.findings.violations or cell.kept:
        shutil.copytree(home, kept)
        (kept / "verdict.txt").write_text("\n".join([cell.told, *result.findings.violations, ""]))
    shutil.rmtree(home, ignore_errors=True)
    return result
