"""Commands of trailing and of people: never skipped, and dead-lettered when they name another position."""

import structlog

from libs.common.bus import Bus, Delivery
from libs.common.contracts.commands import (
    Detach,
    EntriesPause,
    EntriesResume,
    Flatten,
    Halt,
    PositionClose,
    PositionCommand,
    PositionReduce,
    RecoveryAccept,
    StopMove,
    Switch,
)
from libs.common.contracts.message import Message
from libs.common.contracts.trades import CloseReason
from libs.common.errors import Poison, Transient
from libs.common.exchange.trading_types import Ambiguous, RefusedForNow
from libs.common.ids import OrderLinkId
from libs.common.retry import backoff
from libs.common.units import Instant, Symbol
from services.executor.core.commit_points import CANCEL_SENT, SWITCH_TURNED
from services.executor.core.kept import Kept, PositionStatus
from services.executor.core.switch import HALT_FILE, Level, SwitchState, is_void, raised, resumed
from services.executor.shell.desk import Desk
from services.executor.shell.exits import Exits
from services.executor.shell.stop_keeper import StopKeeper

log = structlog.get_logger()


class Commands:
    """What the executor is told to do."""

    def __init__(self, desk: Desk, exits: Exits, stops: StopKeeper) -> None:
        self._desk = desk
        self._exits = exits
        self._stops = stops

    async def handle(self, delivery: Delivery, bus: Bus) -> None:
        """Carry a command out, however long its symbol is locked; then acknowledge it."""
        for pause in backoff(first=0.1, ceiling=2.0):
            try:
                await self._obey(delivery.message)
                await bus.ack(delivery)
            except Poison as error:
                log.error("command.refused", command=delivery.message.schema_name, reason=str(error))
                await bus.dead_letter(delivery, str(error))
            except Transient as error:
                log.info("command.waiting", command=delivery.message.schema_name, reason=str(error))
                await bus.keep(delivery)
                await self._desk.clock.sleep(pause)
                continue
            return

    async def _obey(self, command: Message) -> None:
        match command:
            case PositionCommand():
                await self._position(command)
            case RecoveryAccept():
                self._accept(command)
            case Switch():
                await self._turn(command)
            case _:
                raise Poison(f"{command.schema_name} is no command")

    async def _position(self, command: PositionCommand) -> None:
        kept = self._named(command)
        if kept is None:
            log.info("command.late", command=command.schema_name, position=command.position_id)
            return
        if self._desk.is_detached():
            raise Poison("detached: positions are not managed")
        if command.symbol not in self._desk.instruments and not isinstance(command, PositionClose):
            raise Poison(f"{command.symbol} is not traded here")
        match command:
            case StopMove():
                await self._stops.move(command, kept)
            case PositionReduce():
                if command.version < kept.position.version:
                    # It was computed for another size; whoever wants it still will ask again.
                    log.info("command.outdated", position=command.position_id, version=command.version)
                    return
                if not await self._exits.reduce(kept, command.step, command.qty, command.reason):
                    raise Transient("the position is not in order yet")
            case PositionClose():
                # Any version: to close means to close whatever there is, and an exit never waits.
                await self._exits.close(kept.position.position_id, command.close_reason, command.reason)
            case _:
                raise Poison(f"{command.schema_name} is no position command")

    def _named(self, command: PositionCommand) -> Kept | None:
        """The open position that a command names; None when that one is closed. Raises Poison for another one."""
        with self._desk.ledger.read() as pages:
            kept = pages.position(command.position_id)
            current = pages.open_position(command.symbol)
        if kept is None:
            there = current.position.position_id if current else "nothing"
            raise Poison(f"position_id {command.position_id!r}: {command.symbol} has {there}")
        ours = f"{kept.position.side} {kept.position.symbol}"
        if ours != f"{command.side} {command.symbol}":
            raise Poison(f"{command.position_id} is {ours}, not {command.side} {command.symbol}")
        return kept if kept.status is PositionStatus.OPEN else None

    async def _turn(self, command: Switch) -> None:
        desk = self._desk
        at = command.sent or desk.clock.now()
        with desk.write() as pages:
            before = pages.switch()
            if is_void(before, opening=isinstance(command, EntriesResume), said_at=at):
                log.warning("switch.unheeded", command=command.schema_name, by=command.by, said_at=at, since=before.at)
                return
            state = self._turned(before, command, at)
            pages.turn(state)
        desk.reached(SWITCH_TURNED)
        if isinstance(command, EntriesResume) and command.halted:
            self._drop_halt_file(at)
        log.warning("switch.turned", level=state.level, flattening=state.flattening, by=command.by, why=command.reason)
        if state.level.severity >= Level.HALTED.severity:
            await self._cancel_entries()
        if isinstance(command, Flatten):
            await self.flatten()

    def _drop_halt_file(self, said_at: Instant) -> None:
        """Remove the file that the command line wrote, unless it was written after the resume was said."""
        file = self._desk.figures.home / HALT_FILE
        try:
            written = file.stat().st_mtime_ns // 1_000_000
        except FileNotFoundError:
            return
        if written <= said_at:
            file.unlink(missing_ok=True)

    def _turned(self, before: SwitchState, command: Switch, at: Instant) -> SwitchState:
        by, reason = command.by, command.reason
        match command:
            case EntriesResume():
                return resumed(before, halted=command.halted, by=by, reason=reason, at=at)
            case EntriesPause():
                return raised(before, Level.PAUSED, by=by, reason=reason, at=at)
            case Halt():
                return raised(before, Level.HALTED, by=by, reason=reason, at=at)
            case Detach():
                return raised(before, Level.DETACHED, by=by, reason=reason, at=at)
            case Flatten():
                state = raised(before, Level.HALTED, by=by, reason=reason, at=at)
                return SwitchState(state.level, True, by, reason, at)
            case _:
                raise Poison(f"{command.schema_name} turns no switch")

    def _accept(self, command: RecoveryAccept) -> None:
        """A person looked at what recovery could not decide: the venue's view holds from now on."""
        with self._desk.write() as pages:
            symbol = Symbol(command.symbol) if command.symbol else None
            pages.accept_review(symbol)
            pages.accept_orders(symbol, now=self._desk.clock.now())
            pages.note(self._desk.session_id, "accepted", command.symbol or "everything", wall=self._desk.clock.now())
        log.warning("review.accepted", symbol=command.symbol or "everything", by=command.by)
        self._desk.doubted.set()

    async def flatten(self) -> None:
        """Close every position; what does not close now is closed by the next look."""
        with self._desk.ledger.read() as pages:
            kept = pages.positions(PositionStatus.OPEN)
        for one in kept:
            self._exits.want(one.position.position_id, CloseReason.FLATTEN, "flatten")
        await self._exits.carry_on(one.position.symbol for one in kept)

    async def _cancel_entries(self) -> None:
        """Cancel entries that are still working at the venue."""
        with self._desk.ledger.read() as pages:
            live = [i for i in pages.live_intents() if i.is_entry]
        for intent in live:
            async with self._desk.hold(intent.symbol, wait_ms=2_000) as grip:
                stamp = grip.stamp() if grip is not None else None
                if stamp is None:
                    raise Transient(f"{intent.symbol} is locked")
                outcome = await self._desk.trading.cancel_order(intent.symbol, OrderLinkId(intent.link_id), stamp)
                self._desk.reached(CANCEL_SENT)
            if isinstance(outcome, Ambiguous | RefusedForNow):  # a cancel may be asked for any number of times
                raise Transient(f"the cancel of {intent.link_id} is not confirmed: {outcome}")
