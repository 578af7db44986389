"""The way out: reduce-only, one attempt after the other, until the venue is flat. Exits ask no protection."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import structlog

from libs.common.contracts.trades import CloseReason
from libs.common.errors import Transient
from libs.common.exchange.trading_types import VenuePosition
from libs.common.ids import OrderName, parse_link_id
from libs.common.units import ZERO, Instant, Qty, Symbol, Usd, floor_to
from services.executor.core.attempts import next_exit, next_partial
from services.executor.core.commit_points import EXIT_PLANNED, EXIT_RECORDED, EXIT_WANTED
from services.executor.core.intent import Intent, slot_of
from services.executor.core.kept import Kept, PositionStatus
from services.executor.core.order import OrderState
from services.executor.shell import events
from services.executor.shell.books import Books
from services.executor.shell.desk import Desk, Grip
from services.executor.shell.sender import Sender

log = structlog.get_logger()

PIECES: Final = 20  # a size above the market maximum is closed in pieces; more than these wait a second
LOCK_WAIT_MS: Final = 3_000
NAKED_WAIT_MS: Final = 100  # nothing but the exit protects it: the lock of somebody dead is not waited for


class Exits:
    """Closes and reduces positions."""

    def __init__(self, desk: Desk, sender: Sender, books: Books) -> None:
        self._desk = desk
        self._sender = sender
        self._books = books
        self._queues: dict[Symbol, asyncio.Lock] = {}

    def want(self, position_id: str, reason: CloseReason, text: str) -> Kept | None:
        """Make the wish durable: from here on the ledger drives the exit, whatever dies meanwhile."""
        with self._desk.write() as pages:
            kept = pages.position(position_id)
            if kept is None or kept.status is not PositionStatus.OPEN:
                return None
            if kept.closing is None:
                kept = replace(kept, closing=reason, closing_text=text)
                pages.keep_position(kept)
                log.info("exit.wanted", position=position_id, reason=reason, text=text)
        self._desk.reached(EXIT_WANTED)
        return kept

    async def close(self, position_id: str, reason: CloseReason, text: str) -> bool:
        """Close a position and wait for it; False when it will take another try."""
        kept = self.want(position_id, reason, text)
        return kept is None or await self.drive(kept.position.symbol)

    async def carry_on(self, symbols: Iterable[Symbol]) -> None:
        """Drive several exits, `executor.workers` at a time: one that hangs holds up no other."""
        hands = asyncio.Semaphore(self._desk.figures.workers)

        async def one(symbol: Symbol) -> None:
            async with hands:
                try:
                    await self.drive(symbol)
                except Transient as error:
                    log.warning("exit.waiting", symbol=symbol, reason=str(error))

        await asyncio.gather(*(one(symbol) for symbol in symbols))

    async def drive(self, symbol: Symbol) -> bool:
        """Carry out a wanted close; True when nothing is left to do. Raises Transient when the venue is silent.

        One at a time for a symbol in this process: two would take it from each other, and neither come to its end.
        """
        with self._desk.busy():
            async with (
                self._queues.setdefault(symbol, asyncio.Lock()),
                self._desk.hold_at_any_cost(symbol, wait_ms=self._patience_ms(symbol)) as grip,
            ):
                for _ in range(PIECES):
                    done = await self._piece(symbol, grip)
                    if done is not None:
                        return done
        return False

    def _patience_ms(self, symbol: Symbol) -> int:
        """How long to wait for the lock: the stop that stands at the venue has time."""
        is_naked = any(venue.symbol == symbol and venue.stop is None for venue in self._desk.reported)
        return NAKED_WAIT_MS if is_naked else LOCK_WAIT_MS

    async def _piece(self, symbol: Symbol, grip: Grip) -> bool | None:
        """One attempt; True: flat, False: not now, None: go on."""
        with self._desk.ledger.read() as pages:
            kept = pages.open_position(symbol)
        if kept is None or kept.closing is None:
            return True
        venue = await self._desk.read_position(symbol)
        if not self._is_same(kept, venue):
            # Never again after it was seen flat: what is missing here are its executions.
            await self._books.catch_up(since=kept.position.opened_at, symbol=symbol)
            self._desk.doubt(symbol)
            return True
        assert venue is not None
        if not await self._finished(kept, grip):
            return False
        listed = self._desk.instruments.get(symbol)  # what is not traded any more can still be closed
        qty = venue.qty if listed is None else Qty(min(venue.qty, listed.max_market_qty))
        purpose = next_exit(await self._purposes(kept))
        await self._ask(kept, purpose, qty, grip, kept.closing_text)
        return None

    @staticmethod
    def _is_same(kept: Kept, venue: VenuePosition | None) -> bool:
        return venue is not None and venue.side is kept.position.side

    async def _finished(self, kept: Kept, grip: Grip) -> bool:
        """Whether every earlier order of this position is terminal at the venue."""
        with self._desk.ledger.read() as pages:
            live = [i for i in pages.live_intents(kept.position.symbol) if not i.is_entry]
        for intent in live:
            if await self._sender.look(intent) is OrderState.PLANNED:  # it never arrived: the next attempt takes over
                self._sender.again(intent, grip)
        with self._desk.ledger.read() as pages:
            return not any(not i.is_entry for i in pages.live_intents(kept.position.symbol))

    async def _purposes(self, kept: Kept) -> frozenset[str]:
        """The purposes that this position's orders have had, by the venue's records and by ours."""
        position = kept.position
        slot = slot_of(position.position_id)
        since = Instant(max(0, min(slot, position.opened_at)))
        known = [order.link_id for order in await self._desk.trading.order_history(position.symbol, since=since)]
        with self._desk.ledger.read() as pages:
            known += [intent.link_id for intent in pages.intents_of(position.position_id)]
        names = [name for name in map(parse_link_id, known) if name is not None]
        return frozenset(name.purpose for name in names if name.slot == slot)

    async def _ask(self, kept: Kept, purpose: str, qty: Qty, grip: Grip, why: str) -> Intent:
        desk, position, now = self._desk, kept.position, self._desk.clock.now()
        intent = Intent(
            link_id=OrderName(position.symbol, slot_of(position.position_id), purpose).link_id(),
            position_id=position.position_id,
            symbol=position.symbol,
            side=position.side,
            purpose=purpose,
            qty=qty,
            stop=None,
            margin=Usd(ZERO),
            state=OrderState.SUBMITTING,
            cause=position.position_id,
            trace=kept.trace,
            at=desk.market.now(),
            valid_until=desk.market.now(),
            sent_at=now,
            touched_at=now,
            reason=why,
        )
        with desk.write() as pages:
            pages.check_fence(position.symbol, grip.fence)
            pages.add_intent(intent)
            pages.sent(position.symbol, now)
            told = events.order_event(intent, desk.market.now())
            if told is not None:
                pages.emit(told, owner=desk.instance, now=now)
        desk.reached(EXIT_PLANNED)
        ended = await self._sender.send(intent, grip)
        desk.reached(EXIT_RECORDED)
        return ended

    async def reduce(self, kept: Kept, step: int, qty: Qty, why: str) -> bool:
        """Take partial exit `step`: each step happens once, however often it is asked for."""
        position = kept.position
        with self._desk.busy():
            async with self._desk.hold_at_any_cost(position.symbol, wait_ms=LOCK_WAIT_MS) as grip:
                venue = await self._desk.read_position(position.symbol)
                if not self._is_same(kept, venue) or not await self._finished(kept, grip):
                    self._desk.doubt(position.symbol)
                    return False
                purpose = next_partial(await self._purposes(kept), step, self._filled(kept, step))
                listed = self._desk.instruments.get(position.symbol)
                assert venue is not None
                if listed is not None:
                    qty = Qty(floor_to(min(qty, venue.qty, listed.max_market_qty), listed.qty_step))
                if purpose is None or listed is None or qty < listed.min_qty:
                    log.info("reduce.skipped", position=position.position_id, step=step, qty=str(qty))
                    return True
                ended = await self._ask(kept, purpose, qty, grip, why)
        return ended.filled > 0 or ended.state is OrderState.REFUSED

    def _filled(self, kept: Kept, step: int) -> bool:
        with self._desk.ledger.read() as pages:
            intents = pages.intents_of(kept.position.position_id)
        return any(i.purpose.startswith(f"p{step}a") and i.filled > 0 for i in intents)
