"""The executor: one hand on the money. Every part of it is in shell/; here they are put together and kept running."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from libs.common.bus import Bus, Delivery
from libs.common.contracts.message import message_id
from libs.common.contracts.positions import PositionSnapshot
from libs.common.contracts.recovery import Phase
from libs.common.contracts.signals import SignalMade
from libs.common.errors import Poison, Transient
from libs.common.retry import backoff
from services.executor.adapters.journal_rows import PHASE, SessionStart
from services.executor.core.commit_points import SESSION_BEGUN
from services.executor.core.kept import PositionStatus
from services.executor.core.protections import surely_off
from services.executor.core.switch import SwitchState
from services.executor.shell.backup import Backup
from services.executor.shell.books import Books
from services.executor.shell.commands import Commands
from services.executor.shell.desk import Desk
from services.executor.shell.entries import Entries
from services.executor.shell.exits import Exits
from services.executor.shell.outbox import Outbox
from services.executor.shell.rebuild import Rebuild
from services.executor.shell.reconciler import Reconciler
from services.executor.shell.recovery_run import RecoveryRun
from services.executor.shell.sender import Sender
from services.executor.shell.stop_keeper import StopKeeper
from services.executor.shell.watch import Watch

log = structlog.get_logger()

WORK: Final = ("signal", "command")
GUARD_S: Final = 1.0
FINISH_S: Final = 2.0
SETTLE_S: Final = 5.0
BACKUP_S: Final = 2.0
LEARN_S: Final = 3_600.0  # contracts are listed, and their terms change
BREATH_S: Final = 0.2  # between two looks, however often they are asked for


class Executor:
    """Recovers, then trades until it is told to stop."""

    def __init__(self, desk: Desk, bus: Bus) -> None:
        self.desk = desk
        self._bus = bus
        self.books = Books(desk)
        self.sender = Sender(desk, self.books)
        self.exits = Exits(desk, self.sender, self.books)
        self.stops = StopKeeper(desk, self.exits)
        self.entries = Entries(desk, self.sender, self.exits)
        self.commands = Commands(desk, self.exits, self.stops)
        self.reconciler = Reconciler(desk, self.books, self.sender)
        self.outbox = Outbox(desk, bus)
        self.watch = Watch(desk, self.books)
        self.backup = Backup(desk)
        self.rebuild = Rebuild(desk, self.books, self.reconciler)
        self._recovery = RecoveryRun(desk, self.books, self.sender, self.reconciler, self.stops)
        self._hands = asyncio.Semaphore(desk.figures.workers)
        self._told_at = 0  # wall time of the last slow look

    async def run(self) -> None:
        """Recover and serve for ever; leaves the marker of a clean stop when cancelled."""
        session = self.begin()
        desk = self.desk
        desk.health.watch(self._bus, (*WORK, "price", "candle"))
        try:
            await self._serve(session)
        except asyncio.CancelledError:  # of us, not of a task by the failure of another: that is a group of errors
            self.end()
            raise

    async def _serve(self, session: SessionStart) -> None:
        desk = self.desk
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.outbox.publish_for_ever())
            tasks.create_task(self.watch.market(self._bus))
            await self.recover(session)
            tasks.create_task(self.watch.venue())
            tasks.create_task(self._every(GUARD_S, self.guard, desk.alarm))
            tasks.create_task(self._every(GUARD_S, self.leave, desk.leaving))
            tasks.create_task(self._every(GUARD_S, self.know, asyncio.Event()))
            tasks.create_task(self._every(GUARD_S, self.entries.prepare, asyncio.Event()))
            tasks.create_task(self._every(desk.figures.reconcile_s, self.look_round, desk.doubted))
            tasks.create_task(self._every(SETTLE_S, self.books.settle_all, desk.flat))
            tasks.create_task(self._every(BACKUP_S, self.backup.look, asyncio.Event()))
            tasks.create_task(self._every(LEARN_S, self.learn, asyncio.Event()))
            tasks.create_task(self._every(FINISH_S, self.reconciler.finish, asyncio.Event()))
            await self._work(tasks)

    def begin(self) -> SessionStart:
        with self.desk.write() as pages:
            session = pages.begin_session(self.desk.instance, now=self.desk.clock.now())
            wall, phase = self.desk.clock.now(), Phase.RECOVERING
            pages.note(session.session_id, PHASE, session.told, wall=wall, phase=phase)
        self.desk.reached(SESSION_BEGUN)
        return session

    def end(self) -> None:
        """Leave the marker that tells a stop from a crash."""
        with self.desk.write() as pages:
            pages.end_session(self.desk.session_id, now=self.desk.clock.now())
        log.info("session.ended", session=self.desk.session_id)

    async def recover(self, session: SessionStart) -> None:
        await self._recovery.run(session)
        self.snapshot()

    async def _work(self, tasks: asyncio.TaskGroup) -> None:
        """Handle signals and commands, up to `executor.workers` at once; one worker keeps their order."""
        async for delivery in self._bus.read(WORK):
            await self._hands.acquire()
            tasks.create_task(self._handle(delivery))

    async def _handle(self, delivery: Delivery) -> None:
        try:
            with self.desk.busy(), structlog.contextvars.bound_contextvars(trace=delivery.message.trace):
                await self.handle(delivery)
        finally:
            self._hands.release()

    async def handle(self, delivery: Delivery) -> None:
        """Take one signal or command to its end."""
        message = delivery.message
        if not isinstance(message, SignalMade):
            await self.commands.handle(delivery, self._bus)
            return
        for pause in backoff(first=0.1, ceiling=2.0):
            try:
                await self.entries.handle(delivery, message, self._bus)
            except Poison as error:
                log.error("signal.refused", signal=message.id, reason=str(error))
                await self._bus.dead_letter(delivery, str(error))
            except Transient as error:
                log.warning("signal.waiting", symbol=message.symbol, reason=str(error))
                await self._bus.keep(delivery)
                await self.desk.clock.sleep(pause)
                continue
            return

    async def _every(self, seconds: float, work: Callable[[], Awaitable[object]], wake: asyncio.Event) -> None:
        """Do `work` every so many wall seconds, or as soon as `wake` is set; a silent venue is asked again."""
        while True:
            wake.clear()
            try:
                await work()
            except Transient as error:
                log.warning("look.failed", work=work.__name__, reason=str(error))
            await self.desk.clock.sleep(min(BREATH_S, seconds))
            await self._pause(seconds, wake)

    async def _pause(self, seconds: float, wake: asyncio.Event) -> None:
        waits = {asyncio.ensure_future(wake.wait()), asyncio.ensure_future(self.desk.clock.sleep(seconds))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def guard(self) -> None:
        """Judge every position's stop by the venue's own report; nothing else may make it wait."""
        if not self.desk.is_detached():
            await self.stops.judge()
            self._gauge()

    async def know(self) -> None:
        """Have what an admission needs to know at hand, so that no signal waits for it; stops never wait for this."""
        if not self.desk.figures.keeps_order and self.desk.reported_at:
            await self.desk.complete_facts()

    async def learn(self) -> None:
        """Have the venue's list of contracts as it is now, here and on the disk."""
        await self._recovery.learn()

    async def leave(self) -> None:
        """Carry unfinished exits on."""
        desk = self.desk
        if desk.is_detached():
            return
        with desk.ledger.read() as pages:
            kept = pages.positions(PositionStatus.OPEN)
            switch = pages.switch()
        if switch.flattening and not kept and not desk.reported:
            self._flat(switch)
        elif switch.flattening:
            await self.commands.flatten()
        await self.exits.carry_on(one.position.symbol for one in kept if one.closing is not None)

    def _flat(self, switch: SwitchState) -> None:
        with self.desk.write() as pages:
            pages.turn(SwitchState(switch.level, False, switch.by, switch.reason, switch.at))
        log.warning("account.flat", by=switch.by)

    def _gauge(self) -> None:
        self.desk.health.facts["naked_ms"] = self.stops.naked.longest_ms()

    async def look_round(self) -> None:
        """Reconcile both ways, protect what was found, settle what is flat, and tell everybody what is open."""
        desk = self.desk
        await self.reconciler.reconcile()
        await self.books.settle_all()
        self.rebuild.finish()
        if not desk.is_detached():
            await self.stops.judge()
        if desk.clock.now() - self._told_at >= desk.figures.reconcile_s * 1_000:
            await self._slow_look()

    async def _slow_look(self) -> None:
        """What needs no haste: the clock's offset, equity, the snapshot, a Redis that forgot."""
        desk = self.desk
        self._told_at = desk.clock.now()
        before = desk.clock.now()
        server = await desk.trading.server_time()
        desk.clock_offset_ms = surely_off(server, before, desk.clock.now())
        wallet = desk.wallet = await desk.trading.wallet()
        self.snapshot()
        with desk.write() as pages:
            pages.keep_equity(
                at=desk.market.now(),
                wall=desk.clock.now(),
                balance=wallet.balance,
                worth=wallet.equity,
                available=wallet.available,
            )
        await self.outbox.heal()

    def snapshot(self) -> None:
        """Tell every open position, for readers that missed something."""
        desk = self.desk
        now = desk.clock.now()
        with desk.write() as pages:
            told = PositionSnapshot(
                id=message_id(PositionSnapshot, desk.session_id, str(now)),
                cause=desk.session_id,
                trace=desk.session_id,
                at=desk.market.now(),
                positions=tuple(k.position for k in pages.positions(PositionStatus.OPEN)),
            )
            pages.emit(told, owner=desk.instance, now=now)
