"""Stops: every second the venue's own report is judged, and what is missing or loosened is put back at once."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from libs.common.contracts.commands import StopMove
from libs.common.contracts.positions import OpenPosition
from libs.common.contracts.trades import CloseReason
from libs.common.errors import Transient
from libs.common.exchange.trading_types import (
    Accepted,
    RefusedForGood,
    Unchanged,
    VenuePosition,
)
from libs.common.units import Price, Symbol
from services.executor.core.commit_points import STOP_PLANNED, STOP_RECORDED, STOP_SENT
from services.executor.core.kept import Kept, PositionStatus
from services.executor.core.stops import is_tighter, protective, tighter, tightest, would_trigger
from services.executor.shell import events
from services.executor.shell.desk import Desk, Grip
from services.executor.shell.exits import Exits
from services.executor.shell.naked import NakedTime

log = structlog.get_logger()

REPAIR_WAIT_MS: Final = 500  # for the lock, before a naked position is protected without it
MOVE_WAIT_MS: Final = 10_000
TRIES: Final = 5


class StopKeeper:
    """Nobody else touches a stop."""

    def __init__(self, desk: Desk, exits: Exits) -> None:
        self._desk = desk
        self._exits = exits
        self.naked = NakedTime(desk)
        self._edited: dict[Symbol, float] = {}  # monotonic ms of the last edit
        self._wanted: dict[str, Price] = {}  # position id -> the tightest stop that was asked for

    async def judge(self) -> None:
        """Have the venue's report and compare it with the ledger; protect what is naked, doubt what is strange.

        Only positions that were open before the report was asked for and still are can be in it: another one of
        the same symbol may have been opened meanwhile, and must not inherit a stop.
        """
        before = self._open()
        report = await self._desk.read_positions()
        self.naked.seen(report)
        now = self._open()
        self._forget({kept.position.position_id for kept in now.values()})
        for venue in report:
            known, was = now.get(venue.symbol), before.get(venue.symbol)
            if known is None or known.position.side is not venue.side:
                self._desk.doubt(venue.symbol)
                if venue.stop is None:
                    await self._try(venue.symbol, self._first_aid)
            elif was is not None and was.position.position_id == known.position.position_id:
                await self._judge_one(known, venue)
        gone = {*before} & {*now} - {venue.symbol for venue in report}
        if gone:
            self._desk.doubt(*gone)

    async def cover(self, report: Sequence[VenuePosition]) -> None:
        """Give a stop to what has none in a report, before anything else is found out about it."""
        known = self._open()
        for venue in report:
            if venue.stop is None:
                kept = known.get(venue.symbol)
                ours = kept is not None and kept.position.side is venue.side
                await self._try(venue.symbol, self.repair if ours else self._first_aid)

    def _open(self) -> dict[Symbol, Kept]:
        with self._desk.ledger.read() as pages:
            return {kept.position.symbol: kept for kept in pages.positions(PositionStatus.OPEN)}

    async def _try(self, symbol: Symbol, work: Callable[[Symbol], Awaitable[None]]) -> None:
        """Do what can be done for one symbol; what cannot be done now must not keep the others waiting."""
        try:
            await work(symbol)
        except Transient as error:
            log.warning("stop.waiting", symbol=symbol, reason=str(error))

    async def _judge_one(self, kept: Kept, venue: VenuePosition) -> None:
        position = kept.position
        if venue.stop is None or (position.stop is not None and is_tighter(position.side, position.stop, venue.stop)):
            await self._try(position.symbol, self.repair)
        elif venue.stop != position.stop:
            self._record(position.position_id, venue.stop, "seen at the venue")

    async def repair(self, symbol: Symbol) -> None:
        """Give a position its stop back: the tightest one it ever had, or a first one."""
        async with self._desk.hold_at_any_cost(symbol, wait_ms=REPAIR_WAIT_MS) as grip:
            with self._desk.ledger.read() as pages:
                kept = pages.open_position(symbol)
            venue = await self._desk.read_position(symbol)
            if kept is None or venue is None or venue.side is not kept.position.side:
                self._desk.doubt(symbol)
                return
            wanted = self._due(kept, venue)
            if venue.stop is not None and not is_tighter(venue.side, wanted, venue.stop):
                return
            self._desk.counts["stops_repaired"] += 1
            log.warning("stop.missing", position=kept.position.position_id, venue=str(venue.stop), wanted=str(wanted))
            if await self._set(kept, venue, wanted, grip, "put back") is not None:
                self._desk.leaving.set()  # the ledger drives the exit: other stops do not wait for it

    async def _first_aid(self, symbol: Symbol) -> None:
        """Give a stop to a position that is not in the ledger yet: finding out whose it is may take a while."""
        desk = self._desk
        with desk.ledger.read() as pages:
            waits = symbol in pages.reviews() or desk.figures.foreign == "review"
        if waits or symbol not in desk.instruments:
            return
        async with desk.hold_at_any_cost(symbol, wait_ms=REPAIR_WAIT_MS) as grip:
            venue, stamp = await desk.read_position(symbol), grip.stamp()
            if venue is None or venue.stop is not None or stamp is None:
                return
            tick = desk.instruments[symbol].tick
            stop = protective(venue.side, venue.entry, venue.mark, venue.liquidation, tick)
            with desk.ledger.write() as pages:
                pages.check_fence(symbol, grip.fence)
                pages.sent(symbol, desk.clock.now())
            outcome = await desk.trading.set_stop(symbol, stop, stamp)
            if isinstance(outcome, Accepted | Unchanged):
                self.naked.covered(symbol)
        log.warning("stop.first_aid", symbol=symbol, stop=str(stop), outcome=str(outcome))

    def _due(self, kept: Kept, venue: VenuePosition) -> Price:
        position = kept.position
        known = tightest(position.side, position.stop, position.initial_stop)
        if known is not None:
            return known
        tick = self._desk.instruments[position.symbol].tick
        return protective(position.side, venue.entry, venue.mark, venue.liquidation, tick)

    async def move(self, command: StopMove, kept: Kept) -> None:
        """Ratchet one stop: compare with what is there, set it if it is tighter. Looser is never done."""
        position = kept.position
        symbol, position_id = position.symbol, position.position_id
        self._wanted[position_id] = tightest(position.side, self._wanted.get(position_id), command.stop) or command.stop
        closing = None
        async with self._desk.hold(symbol, wait_ms=MOVE_WAIT_MS) as grip:
            if grip is None:
                raise Transient(f"{symbol} is locked")
            await self._pace(symbol)
            with self._desk.ledger.read() as pages:
                now = pages.position(position_id)
            wanted = self._wanted.get(position_id)
            if now is None or now.status is not PositionStatus.OPEN or wanted is None:
                return  # flat meanwhile, or a later command's stop was set for this one too
            tick = self._desk.instruments[symbol].tick
            target = tighter(position.side, wanted, now.position.stop, tick)
            venue = None if target is None else await self._desk.read_position(symbol)
            if target is None:
                self._granted(position_id, wanted)
                return
            if venue is None or venue.side is not position.side:
                self._desk.doubt(symbol)
                return
            if venue.stop is not None and not is_tighter(position.side, target, venue.stop):
                self._record(position_id, venue.stop, "seen at the venue")
                self._granted(position_id, wanted)
                return
            closing = await self._set(now, venue, target, grip, command.reason)
            self._granted(position_id, wanted)
        if closing is not None:
            await self._exits.drive(symbol)

    def _granted(self, position_id: str, stop: Price) -> None:
        """A wish that failed stays: whoever asks next for this position asks for it too."""
        if self._wanted.get(position_id) == stop:
            del self._wanted[position_id]

    async def _pace(self, symbol: Symbol) -> None:
        """At most one edit of a stop in `stop_interval_ms` of wall time."""
        edited = self._edited.get(symbol)
        if edited is not None:
            rest = edited + self._desk.figures.stop_interval_ms - self._desk.clock.monotonic_ms()
            if rest > 0:
                await self._desk.clock.sleep(rest / 1_000)

    async def _set(self, kept: Kept, venue: VenuePosition, stop: Price, grip: Grip, why: str) -> Kept | None:
        """Ask for the stop; a position whose stop would trigger at once is to be closed, and is returned."""
        position = kept.position
        if self._would_trigger(position, stop):
            return self._close_instead(kept, stop)
        for _ in range(TRIES):
            stamp = grip.stamp()
            if stamp is None:
                raise Transient("the lock ran out before the stop was set")
            with self._desk.ledger.write() as pages:
                pages.check_fence(position.symbol, grip.fence)
                pages.sent(position.symbol, self._desk.clock.now())
            self._desk.reached(STOP_PLANNED)
            outcome = await self._desk.trading.set_stop(position.symbol, stop, stamp)
            self._edited[position.symbol] = self._desk.clock.monotonic_ms()
            self._desk.reached(STOP_SENT)
            if isinstance(outcome, Accepted | Unchanged):
                self.naked.covered(position.symbol)
                self._record(position.position_id, stop, why)
                return None
            log.warning("stop.refused", position=position.position_id, stop=str(stop), outcome=str(outcome))
            again = await self._desk.read_position(position.symbol)
            if again is None or again.side is not position.side:
                self._desk.doubt(position.symbol)
                return None
            if again.stop == stop:
                self._record(position.position_id, stop, why)
                return None
            if isinstance(outcome, RefusedForGood):
                return self._close_instead(kept, stop)
            await self._desk.clock.sleep(0.1)
        raise Transient(f"the stop of {position.position_id} was not confirmed")

    def _would_trigger(self, position: OpenPosition, stop: Price) -> bool:
        """Whether the newest price says so; one that is older than the market's now says nothing, and the venue is
        asked: it refuses such a stop itself."""
        seen = self._desk.prices.get(position.symbol)
        fresh = seen is not None and seen.at >= self._desk.market.now()
        return seen is not None and fresh and would_trigger(position.side, stop, seen.last)

    def _close_instead(self, kept: Kept, stop: Price) -> Kept | None:
        """The venue would trigger this stop at once: leave now, reduce-only."""
        position = kept.position
        moved = position.initial_stop is not None and is_tighter(position.side, stop, position.initial_stop)
        reason = CloseReason.TRAILING if moved else CloseReason.STOP_LOSS
        return self._exits.want(position.position_id, reason, f"a stop at {stop} would trigger at once")

    def _record(self, position_id: str, stop: Price, why: str) -> None:
        """The venue has this stop: remember it, and say so."""
        desk = self._desk
        with desk.ledger.read() as pages:
            kept = pages.position(position_id)
        if kept is None or kept.status is not PositionStatus.OPEN:
            return
        position = kept.position
        if position.stop is not None and not is_tighter(position.side, stop, position.stop):
            return
        with desk.write() as pages:
            fresh = pages.position(position_id) or kept
            moved = fresh.position.model_copy(
                update={
                    "stop": stop,
                    "initial_stop": fresh.position.initial_stop or stop,
                    "version": fresh.position.version + 1,
                }
            )
            changed = replace(fresh, position=moved)
            pages.keep_position(changed)
            told = events.changed(changed, desk.market.now(), f"stop: {why}")
            pages.emit(told, owner=desk.instance, now=desk.clock.now())
        desk.reached(STOP_RECORDED)
        log.info("stop.moved", position=position_id, stop=str(stop), was=str(position.stop), reason=why)

    def _forget(self, open_now: set[str]) -> None:
        """Drop what is remembered of positions that are closed."""
        for position_id in self._wanted.keys() - open_now:
            del self._wanted[position_id]
