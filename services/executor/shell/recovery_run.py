"""Starting is recovering: read everything, decide one of six actions, act, and say so."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from libs.common.contracts.message import message_id
from libs.common.contracts.recovery import Finding, Phase, RecoveryDone, RecoveryPlanned
from libs.common.errors import Misconfigured, Refused, Transient, Unknown
from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Accepted, Execution, VenueOrder, VenuePosition
from libs.common.ids import ENTRY, OrderLinkId, parse_link_id
from libs.common.retry import backoff
from libs.common.units import Instant, Symbol
from services.executor.adapters.instrument_file import InstrumentFile
from services.executor.adapters.journal_rows import SessionStart
from services.executor.adapters.ledger import Pages
from services.executor.adapters.view import BASELINE, booked_in
from services.executor.core.commit_points import (
    RECOVERY_ACTED,
    RECOVERY_CAUGHT_UP,
    RECOVERY_PLANNED,
    RECOVERY_RECONCILED,
    RECOVERY_REMEMBERED,
    RECOVERY_RESOLVED,
)
from services.executor.core.kept import PositionStatus
from services.executor.core.order import OrderState
from services.executor.core.protections import surely_off
from services.executor.core.reconcile import Verdict, match
from services.executor.core.recovery import Found, Recovery, Saved, plan
from services.executor.shell.books import CURSOR, OVERLAP_MS, RETENTION_MS, Books
from services.executor.shell.desk import Desk
from services.executor.shell.rebuild import REBUILDING, Rebuild
from services.executor.shell.reconciler import Reconciler
from services.executor.shell.sender import Sender
from services.executor.shell.stop_keeper import StopKeeper

log = structlog.get_logger()

T = TypeVar("T")
UNRESOLVED: Final = frozenset({OrderState.MANUAL_REVIEW})


@dataclass(frozen=True, slots=True)
class Reports:
    """Everything the venue was asked at a start."""

    positions: tuple[VenuePosition, ...]
    working: tuple[VenueOrder, ...]
    history: tuple[VenueOrder, ...]  # asked for only when the ledger is lost
    executions: tuple[Execution, ...]  # asked for last: they explain the positions
    since: Instant  # market time from which on orders and executions are listed


class RecoveryRun:
    """One start-up path, and it is the crash path."""

    def __init__(self, desk: Desk, books: Books, sender: Sender, reconciler: Reconciler, stops: StopKeeper) -> None:
        self._desk = desk
        self._books = books
        self._sender = sender
        self._reconciler = reconciler
        self._stops = stops
        self._rebuild = Rebuild(desk, books, reconciler)
        self._listed = InstrumentFile(desk.figures.home, desk.figures.venue)
        self._questions = 0

    async def run(self, session: SessionStart) -> Recovery:
        """Recover, trying again for as long as the venue does not answer; entries stay closed meanwhile."""
        desk = self._desk
        desk.phase, desk.session_id = Phase.RECOVERING, session.session_id
        began = desk.clock.now()
        for attempt, pause in enumerate(backoff(first=0.5, ceiling=10.0), start=1):
            try:
                desk.health.wait_for("recovering", f"attempt {attempt}")
                desk.note("began", f"attempt {attempt}", phase=desk.phase)
                return await self._once(session, began)
            except (Transient, Unknown) as error:
                log.warning("recovery.delayed", attempt=attempt, reason=str(error))
                with suppress(Transient):  # it may be the ledger that is away
                    desk.note("failed", str(error), phase=desk.phase)
                await desk.clock.sleep(pause)
            except Misconfigured as error:
                desk.note("failed", str(error), phase=desk.phase)
                raise
        raise AssertionError("back-off never ends")

    async def _once(self, session: SessionStart, began: Instant) -> Recovery:
        desk = self._desk
        await self._check_account()
        reports = await self._ask()
        recovery = self._decide(reports)
        self._tell_plan(session, recovery)
        desk.reached(RECOVERY_PLANNED)
        await self._act(reports)
        desk.reached(RECOVERY_ACTED)
        desk.settle_phase(recovered=True)
        self._note_balance()
        self._tell_done(recovery, began, self._questions)
        desk.health.done_with("recovering")
        return recovery

    async def _heard(self, answer: Awaitable[T]) -> T:
        """Ask the venue, and count the question: the evidence says how many there were."""
        self._questions += 1
        return await answer

    async def _check_account(self) -> None:
        """Clock, key and instruments. Raises Misconfigured for a key that is refused or may withdraw."""
        desk = self._desk
        before = desk.clock.now()
        server = await self._heard(desk.trading.server_time())
        desk.clock_offset_ms = surely_off(server, before, desk.clock.now())
        try:
            facts = await self._heard(desk.trading.key_facts())
        except Refused as error:
            raise Misconfigured(f"exchange.api_key, exchange.api_secret: the venue refuses them: {error}") from error
        if facts.may_withdraw:
            raise Misconfigured("exchange.api_key: this key may withdraw; make one that may only trade")
        if facts.read_only:
            raise Misconfigured("exchange.api_key: this key may only read; make one that may trade")
        desk.instruments = self._listed.load() or await self._heard(self._contracts())
        desk.hear(await self._heard(desk.trading.market_time(listed=next(iter(desk.instruments), None))))

    async def learn(self) -> None:
        """Have the venue's list of contracts, and keep it for the next start; no start waits for the disk."""
        self._desk.instruments = await self._contracts()
        await asyncio.to_thread(self._listed.keep, self._desk.instruments)

    async def _contracts(self) -> dict[Symbol, Instrument]:
        return {listed.symbol: listed for listed in await self._desk.trading.instruments()}

    async def _ask(self) -> Reports:
        desk, is_lost = self._desk, self._is_lost()
        since = self._since()
        desk.wallet = await self._heard(desk.trading.wallet())
        positions = await self._heard(desk.read_positions())
        working = tuple(await self._heard(desk.trading.open_orders()))
        history = tuple(await self._heard(desk.trading.order_history(None, since=since))) if is_lost else ()
        executions = () if is_lost else tuple(await self._heard(self._books.ask(since=since)))
        return Reports(positions, working, history, executions, since)

    def _since(self) -> Instant:
        with self._desk.ledger.read() as pages:
            cursor = None if _is_lost(pages) else pages.cursor(CURSOR)
        if cursor is not None:
            return Instant(max(0, int(cursor) - OVERLAP_MS))
        return Instant(max(0, self._desk.market.now() - RETENTION_MS))

    def _decide(self, reports: Reports) -> Recovery:
        with self._desk.ledger.read() as pages:
            held = {k.position.symbol: k.position for k in pages.positions(PositionStatus.OPEN)}
            live = pages.live_intents()
            empty = _is_lost(pages)
            entering = frozenset(i.symbol for i in live if i.is_entry)
            ours = {o.link_id: o.symbol for o in (*reports.working, *reports.history) if _is_entry(o.link_id)}
            ours |= {done.link_id: done.symbol for done in reports.executions if _is_entry(done.link_id)}
            found = Found(
                matches=match(held, reports.positions, entering),
                hedged=any(p.hedge_index != 0 for p in reports.positions),
                unexplained=frozenset(ours[link] for link in pages.unexplained(ours)),
                unresolved=frozenset(i.symbol for i in live if i.state in UNRESOLVED),
            )
            saved = Saved(bool(held), empty, frozenset(pages.reviews()))
        return plan(saved, found, foreign=self._desk.figures.foreign)

    def _tell_plan(self, session: SessionStart, recovery: Recovery) -> None:
        desk = self._desk
        log.info(
            "recovery.planned",
            action=recovery.action,
            phase=recovery.phase,
            clean_stop=session.clean,
            findings=[f"{f.symbol or 'account'}: {f.text}" for f in recovery.findings],
        )
        with desk.write() as pages:
            self._note_in(pages, "planned", f"clean stop: {session.clean}", recovery)
            for found in recovery.findings:
                self._note_in(pages, "finding", f"{found.symbol or 'account'}: {found.text}", recovery)
            for symbol in sorted(recovery.reviews):
                pages.ask_review(symbol, _why(recovery.findings, symbol), now=desk.clock.now())
            told = RecoveryPlanned(
                id=message_id(RecoveryPlanned, session.session_id),
                cause=session.session_id,
                trace=session.session_id,
                at=desk.market.now(),
                session_id=session.session_id,
                action=recovery.action,
                phase=recovery.phase,
                clean_stop=session.clean,
                findings=recovery.findings,
            )
            pages.emit(told, owner=desk.instance, now=desk.clock.now())

    async def _act(self, reports: Reports) -> None:
        """Bring the ledger to what the venue has; every step can be repeated after a crash in the middle."""
        desk = self._desk
        if not desk.is_detached():
            await self._stops.cover(reports.positions)
        if self._is_lost():
            await self._rebuild.remember(reports.history, reports.positions, since=reports.since)
            desk.reached(RECOVERY_REMEMBERED)
            await self._books.catch_up()
        else:
            self._books.take(reports.executions, whole=True)
        desk.reached(RECOVERY_CAUGHT_UP)
        await self._cancel_orphans(reports.working)
        await self._finish_intents()
        desk.reached(RECOVERY_RESOLVED)
        if desk.doubts or not self._is_agreed(reports):
            await self._reconciler.reconcile()
        await self._books.settle_all()
        desk.reached(RECOVERY_RECONCILED)
        self._rebuild.finish()
        if not desk.is_detached() and not self._are_guarded(reports):
            await self._stops.judge()

    def _is_agreed(self, reports: Reports) -> bool:
        """Whether the executions, asked for after the positions, explain them all: then nothing is left to find out."""
        with self._desk.ledger.read() as pages:
            held = {k.position.symbol: k.position for k in pages.positions(PositionStatus.OPEN)}
        leverages = {venue.symbol: venue.leverage for venue in reports.positions}
        return all(
            found.verdict is Verdict.SAME and found.held is not None and found.held.leverage == leverages[found.symbol]
            for found in match(held, reports.positions, frozenset())
        )

    def _are_guarded(self, reports: Reports) -> bool:
        """Whether every position had the stop that the ledger knows; the guard, which begins next, asks again."""
        with self._desk.ledger.read() as pages:
            stops = {k.position.symbol: k.position.stop for k in pages.positions(PositionStatus.OPEN)}
        reported = {venue.symbol: venue.stop for venue in reports.positions}
        return None not in reported.values() and stops == reported

    def _is_lost(self) -> bool:
        with self._desk.ledger.read() as pages:
            return _is_lost(pages)

    async def _cancel_orphans(self, working: Sequence[VenueOrder]) -> None:
        """Entries of ours that still rest at the venue are cancelled; what protects is kept."""
        for order in working:
            if not _is_entry(order.link_id) or order.reduce_only:
                continue
            async with self._desk.hold(order.symbol, wait_ms=5_000) as grip:
                stamp = grip.stamp() if grip is not None else None
                if stamp is not None:
                    outcome = await self._desk.trading.cancel_order(order.symbol, OrderLinkId(order.link_id), stamp)
                    log.warning("entry.cancelled", order=order.link_id, done=isinstance(outcome, Accepted))

    async def _finish_intents(self) -> None:
        """Ask once about every order that the last session did not see the end of; the rest goes on in background."""
        with self._desk.ledger.read() as pages:
            live = [i for i in pages.live_intents() if i.state not in UNRESOLVED]
        for intent in live:
            await self._sender.look(intent)

    def _note_balance(self) -> None:
        """Note once what the wallet held against what the ledger had booked: /v1/balance compares with it."""
        wallet = self._desk.wallet
        with self._desk.write() as pages:
            if wallet is not None and pages.cursor(BASELINE) is None:
                pages.set_cursor(BASELINE, f"{wallet.balance}|{booked_in(pages)}")

    def _tell_done(self, recovery: Recovery, began: Instant, requests: int) -> None:
        desk = self._desk
        with desk.write() as pages:
            positions = len(pages.positions(PositionStatus.OPEN))
            self._note_in(pages, "done", f"{positions} positions", recovery)
            told = RecoveryDone(
                id=message_id(RecoveryDone, desk.session_id),
                cause=desk.session_id,
                trace=desk.session_id,
                at=desk.market.now(),
                session_id=desk.session_id,
                action=recovery.action,
                phase=desk.phase,
                positions=positions,
                took_ms=desk.clock.now() - began,
                requests=requests,
                finished=desk.clock.now(),
            )
            pages.emit(told, owner=desk.instance, now=desk.clock.now())
        log.info("recovery.done", action=recovery.action, phase=desk.phase, positions=positions)

    def _note_in(self, pages: Pages, kind: str, text: str, recovery: Recovery) -> None:
        pages.note(
            self._desk.session_id,
            kind,
            text,
            wall=self._desk.clock.now(),
            action=recovery.action,
            phase=recovery.phase,
        )


def _is_lost(pages: Pages) -> bool:
    """An empty ledger, or one that was being read off the venue when we died."""
    return not pages.knows_any_order() or pages.cursor(REBUILDING) is not None


def _is_entry(link_id: str) -> bool:
    name = parse_link_id(link_id)
    return name is not None and name.purpose == ENTRY


def _why(findings: Sequence[Finding], symbol: Symbol) -> str:
    return "; ".join(found.text for found in findings if found.symbol == symbol)
