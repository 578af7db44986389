"""The running system: started under supervisord, followed until it is told to stop, stopped in order."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from ironkeel.local import supervisor
from ironkeel.local.books import read_books
from ironkeel.local.home import Home
from ironkeel.local.lockstep import Lockstep
from ironkeel.local.log_lines import newest_lines
from ironkeel.local.looks import Looks
from ironkeel.local.preflight import last_lines, refusal
from ironkeel.local.probe import SystemView, look
from ironkeel.local.programs import PAPER_EXCHANGE, Program
from ironkeel.local.rest import Rest
from ironkeel.local.screen import Screen, Sight
from libs.common.clock import Clock, iso
from libs.common.errors import Fatal, Misconfigured
from libs.common.settings import Settings
from libs.common.settings.sections import Venue
from libs.common.units import DAY_MS, Instant

ROOT: Final = Path(__file__).parents[2]
START_LOOK_S: Final = 0.5
RUN_LOOK_S: Final = 1.0
LOG_LINES: Final = 6
PATIENCE_S: Final = 5.0  # a service that is busy for a moment is not down
LEAST_LIFE_MS: Final = 5_000  # a supervisord that dies sooner will not do better next time
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class System:
    """One run of the whole: its processes, its screen, and the reasons to end."""

    home: Home
    settings: Settings
    programs: Sequence[Program]
    clock: Clock
    screen: Screen
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    daemon: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0  # monotonic ms
    log_start: int = 0  # bytes of supervisord's log that are older than this run
    let_go: int | None = None  # pid of the paper exchange whose clock was let go
    lockstep: Lockstep | None = None

    async def run(self, for_s: float | None) -> None:
        """Return when stopped by a signal, or `for_s` wall seconds after readiness. Raises Misconfigured."""
        with stop_signals(self.stopping):
            try:
                self._start()
                async with Rest(self.home, self.settings, timeout=PATIENCE_S) as rest:
                    await self._until_ready(rest)
                    await self._market(rest, for_s)
            finally:
                await self._end()

    def _start(self) -> None:
        log = self.home.logs / "supervisord.log"
        self.log_start = log.stat().st_size if log.exists() else 0
        self.started_at = self.clock.monotonic_ms()
        self.daemon = supervisor.start(self.home, self.programs, root=ROOT)

    async def _until_ready(self, rest: Rest) -> None:
        while not self.stopping.is_set():
            await self._keep_supervised()
            if why := refusal(self.home, since=self.log_start):
                raise Misconfigured(why)
            view = await look(self.home, self.settings, rest)
            self.screen.show(Sight(view, note="the market waits until every service is ready"))
            if view.ready:
                self.screen.say("every service is ready")
                return
            await self._pause(START_LOOK_S)

    async def _market(self, rest: Rest, for_s: float | None) -> None:
        """Let the market go and watch it."""
        if self.settings.exchange.venue is Venue.PAPER and self.settings.paper.speed == "max":
            await self._market_in_lockstep(rest, for_s)
        else:
            await self._watch(rest, for_s)

    async def _market_in_lockstep(self, rest: Rest, for_s: float | None) -> None:
        redis = Redis.from_url(self.settings.redis.url.get_secret_value(), decode_responses=True)
        names = [program.name for program in self.programs]
        looks = Looks(rest.port)
        self.lockstep = Lockstep(rest, looks, redis, self.settings.redis.prefix, names, self.clock)
        stepping = asyncio.create_task(self.lockstep.run())
        begun = self.clock.monotonic_ms()
        try:
            await self._watch(rest, for_s, over=stepping)
            if not self.stopping.is_set():
                self.lockstep.ending = True
                await self._until_stopped(stepping)
            if not self.stopping.is_set():
                await self._close_books(rest, took_s=(self.clock.monotonic_ms() - begun) / 1_000)
        finally:
            stepping.cancel()
            looks.close()
            await redis.aclose()

    async def _until_stopped(self, task: "asyncio.Task[None]") -> None:
        """Wait for `task`, or for a signal to stop; raises what `task` raises."""
        told = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
        finally:
            told.cancel()

    async def _close_books(self, rest: Rest, *, took_s: float) -> None:
        """Leave the books of the run in the home, where another run's can be compared with them."""
        clock = await rest.get(PAPER_EXCHANGE, "/paper/v1/clock") or {}
        books = await read_books(rest)
        self.home.books.write_bytes(books.document)
        at = iso(Instant(int(clock.get("market_ms", 0)) // 1_000 * 1_000))
        done = f"{books.fills} fills, {books.trades} trades closed, {books.pnl} USDT"
        self.screen.say(f"market {at}{', its end' if clock.get('ended') else ''}, in {took_s:.0f} s: {done}")
        self.screen.say(f"books {books.digest} in {self.home.books}")

    async def _watch(self, rest: Rest, for_s: float | None, *, over: "asyncio.Task[None] | None" = None) -> None:
        """Show what happens until a signal, the end of `for_s`, or the end of `over`, whose error is raised."""
        begun = self.clock.monotonic_ms()
        while not self.stopping.is_set():
            if over is not None and over.done():
                over.result()
                return
            if for_s is not None and self.clock.monotonic_ms() - begun >= for_s * 1_000:
                self.screen.say(f"{for_s:g} s are over")
                return
            await self._keep_supervised()
            view = await look(self.home, self.settings, rest)
            await self._let_go(rest, view)
            self.screen.show(await self._sight(rest, view))
            await self._pause(RUN_LOOK_S)

    async def _let_go(self, rest: Rest, view: SystemView) -> None:
        """Start the paper clock, again after the exchange died: it comes back standing, until all are ready."""
        exchange = view.named(PAPER_EXCHANGE)
        if exchange is None or self.lockstep or not view.ready or exchange.pid == self.let_go:
            return
        answer = await rest.post(PAPER_EXCHANGE, "/paper/v1/clock", {"paused": False})
        if answer and answer[0] == 200:
            self.let_go = exchange.pid

    async def _sight(self, rest: Rest, view: SystemView) -> Sight:
        newest = int((view.clock or {}).get("market_ms") or self.clock.now())
        positions, trades = await asyncio.gather(
            rest.items("executor", "/v1/positions"), rest.items("executor", "/v1/trades", since=newest - DAY_MS)
        )
        note = ""
        if self.lockstep:
            note = f"the market waits: {self.lockstep.waiting}" if self.lockstep.waiting else ""
        ordered = sorted(trades or (), key=lambda trade: int(trade["closed_at"]))
        lines = newest_lines(self.home.logs, [program.name for program in self.programs], LOG_LINES)
        return Sight(view, positions or (), ordered, note, lines)

    async def _keep_supervised(self) -> None:
        """Start supervisord again if it died, after ending the children that it left."""
        if self.daemon is None or self.daemon.poll() is None:
            return
        if self.clock.monotonic_ms() - self.started_at < LEAST_LIFE_MS:
            raise Fatal(f"supervisord does not stay up:\n{last_lines(self.home.logs / 'supervisord.out', 10)}")
        self.screen.say(f"supervisord died (exit {self.daemon.returncode}): starting it again")
        await supervisor.stop_survivors(self.home, self.clock)
        self._start()

    async def _end(self) -> None:
        if self.daemon is None or self.daemon.poll() is not None:
            return
        self.screen.say("stopping: services, then exchange, then Redis")
        if not await supervisor.stop(self.home, self.daemon.pid, self.clock):
            self.screen.say("some processes did not stop in time and were killed")
        self.screen.say("stopped")

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)


@contextmanager
def stop_signals(stopping: asyncio.Event) -> Iterator[None]:
    """Set `stopping` at Ctrl-C, SIGTERM or a closed terminal; the children, in another session, hear nothing."""
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
