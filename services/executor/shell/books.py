"""Executions into the ledger: from frames at once, from REST for what the frames lost, each exactly once."""

from collections.abc import Sequence
from typing import Final

import structlog

from libs.common.exchange.trading_types import Execution, ExecutionType, VenueOrder
from libs.common.units import DAY_MS, MINUTE_MS, Instant, Symbol
from services.executor.adapters.ledger import Pages
from services.executor.core.commit_points import FILLS_BOOKED, TRADE_CLOSED
from services.executor.core.inferred import is_late_for, without
from services.executor.core.kept import Kept, PositionStatus
from services.executor.core.position import Trip
from services.executor.core.trades import Ending, trade
from services.executor.shell.desk import Desk
from services.executor.shell.folding import Folding
from services.executor.shell.proofs import Proofs

log = structlog.get_logger()

CURSOR: Final = "executions"  # market time up to which every execution is surely known
OVERLAP_MS: Final = MINUTE_MS
RETENTION_MS: Final = 7 * DAY_MS  # how long the venue keeps executions within easy reach


class Books:
    """The only writer of executions, positions' sizes and trades."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._proofs = Proofs(desk)

    def book(self, executions: Sequence[Execution]) -> int:
        """Book what is new and fold it; returns how many were new. Repeats are recognised by their id."""
        desk = self._desk
        with desk.ledger.read() as pages:  # a catch-up mostly tells what is known: that needs no write
            known = pages.booked([done.exec_id for done in executions])
        executions = [done for done in executions if done.exec_id not in known]
        if not executions:
            return 0
        doubtful: set[Symbol] = set()
        with desk.write(synced=False) as pages:
            folding = Folding(pages, desk.instance, desk.clock.now())
            new = [done for done in executions if pages.book(done)]
            for done in new:
                desk.hear(done.at)
                if done.kind is not ExecutionType.FUNDING:
                    take_place(pages, done)
                    folding.filled(done)
            for symbol in sorted({done.symbol for done in new}):
                folded = folding.fold(symbol, desk.leverage(symbol))
                foreign = folded.open is not None and pages.position(folded.open.position_id) is None
                ended = any(trip.closed_at is not None for trip in folded.trips)  # its trade wants its books closed
                if folded.missing or foreign or ended:
                    doubtful.add(symbol)
            if any(done.closed_qty for done in new):
                desk.moved_at = desk.clock.now()  # a slot, or margin, is free again
            if new and pages.positions(PositionStatus.FLAT):
                desk.flat.set()
        if new:
            desk.reached(FILLS_BOOKED)
            desk.settle_phase()
        if doubtful:
            desk.doubt(*doubtful)
        return len(new)

    def refold(self, symbol: Symbol) -> None:
        """Fold again after something else than an execution changed."""
        desk = self._desk
        with desk.write() as pages:
            Folding(pages, desk.instance, desk.clock.now()).fold(symbol, desk.leverage(symbol))
        desk.settle_phase()

    def order_seen(self, order: VenueOrder) -> None:
        desk = self._desk
        with desk.write(synced=False) as pages:
            Folding(pages, desk.instance, desk.clock.now()).reported(order)

    async def catch_up(self, *, since: Instant | None = None, symbol: Symbol | None = None) -> int:
        """Ask for every execution since the cursor less an overlap, or since `since`; returns how many were new.

        Raises Transient when the venue does not answer: nothing is concluded from silence.
        """
        found = await self.ask(since=await self._start() if since is None else since, symbol=symbol)
        return self.take(found, whole=symbol is None)

    async def ask(self, *, since: Instant, symbol: Symbol | None = None) -> Sequence[Execution]:
        """Every execution since a market instant, oldest first."""
        found: list[Execution] = []
        cursor: str | None = None
        while True:
            page = await self._desk.trading.executions(since=since, cursor=cursor, symbol=symbol)
            found += page.executions
            for kind in page.skipped:
                self._desk.counts["executions_of_unknown_type"] += 1
                log.error("execution.skipped", kind=kind)
            cursor = page.next_cursor
            if cursor is None:
                break
        return sorted(found, key=lambda done: (done.at, done.seq))

    def take(self, found: Sequence[Execution], *, whole: bool) -> int:
        """Book what was asked for; the cursor follows when it was the whole account's."""
        new = self.book(found)
        if whole and found:
            with self._desk.ledger.write() as pages:
                pages.set_cursor(CURSOR, str(max(done.at for done in found)))
        if new:
            log.info("executions.caught_up", new=new)
        return new

    async def _start(self) -> Instant:
        with self._desk.ledger.read() as pages:
            cursor = pages.cursor(CURSOR)
        if cursor is not None:
            return Instant(max(0, int(cursor) - OVERLAP_MS))
        return Instant(max(0, await self._desk.trading.market_time() - RETENTION_MS))

    async def settle(self, kept: Kept) -> bool:
        """Close the trade of a flat position after one more catch-up; False when its books are not complete yet."""
        position = kept.position
        since = Instant(max(0, position.opened_at - OVERLAP_MS))
        await self.catch_up(since=since, symbol=position.symbol)
        trip = self._close(position.position_id, position.symbol)
        if trip is None:
            return False
        self._desk.reached(TRADE_CLOSED)
        self._proofs.owe(trip)
        return True

    def _close(self, position_id: str, symbol: Symbol) -> Trip | None:
        desk = self._desk
        with desk.write() as pages:
            kept = pages.position(position_id)
            trips = pages.folded(symbol).trips
            trip = next((t for t in trips if t.position_id == position_id and t.closed_at is not None), None)
            if trip is None or kept is None or kept.status is not PositionStatus.FLAT:
                return None
            reasons = {str(intent.link_id): intent.reason for intent in pages.intents_of(position_id)}
            ending = Ending(kept.position, kept.closing, kept.equity, kept.naked_ms, kept.trace)
            closed = trade(trip, ending, reasons)
            pages.close_trade(kept, closed, trip.members)
            pages.emit(closed, owner=desk.instance, now=desk.clock.now())
        log.info("trade.closed", trade=position_id, pnl=str(closed.pnl_usd), reason=closed.close_reason)
        return trip

    async def settle_all(self) -> None:
        """Close every trade that waits for its books, and compare those that the venue has not confirmed yet."""
        with self._desk.ledger.read() as pages:
            flat = pages.positions(PositionStatus.FLAT)
        for kept in flat:
            await self.settle(kept)
        await self._proofs.look()


def take_place(pages: Pages, done: Execution) -> None:
    """Let a fill that comes late replace as much of what was inferred for want of it."""
    for row in pages.inferred(done.symbol):
        if is_late_for(row.execution, done):
            pages.replace_inferred(row, without(row.execution, done))
            pages.claim([done.exec_id], row.position_id, settled=False)
            return
