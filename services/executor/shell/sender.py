"""One order to the venue: asked once at a time, dated with the lock, and never guessed about afterwards."""

from dataclasses import replace
from itertools import count
from typing import Final

import structlog

from libs.common import laps
from libs.common.errors import Transient
from libs.common.exchange.trading_types import (
    Accepted,
    Action,
    Ambiguous,
    Exists,
    OrderRequest,
    Outcome,
    RefusedForGood,
    RefusedForNow,
    Unchanged,
)
from libs.common.ids import OrderLinkId
from libs.common.retry import backoff
from libs.common.units import MINUTE_MS, Instant
from services.executor.core.commit_points import ENTRY_ANSWERED, EXIT_ANSWERED, ORDER_AGAIN, ORDER_FOUND
from services.executor.core.intent import Intent, Overtaken
from services.executor.core.order import OrderEvent, OrderState
from services.executor.core.switch import Level
from services.executor.shell.books import Books
from services.executor.shell.desk import LATE_MS, Desk, Grip
from services.executor.shell.folding import Folding

log = structlog.get_logger()

TRIES: Final = 5  # sends of one id that the venue refuses for now
LOOKS: Final = 2  # times that every source must say "no such order", late enough to count
PATIENCE_S: Final = 10  # spent on an ambiguous order at once; afterwards it is looked after in the background
_OF_ONE_SEND: Final = frozenset({OrderEvent.REFUSED, OrderEvent.DEFERRED})
AHEAD_MS: Final = 15 * MINUTE_MS  # so far the market's now, as a start learns it, may be ahead of the market
FILL_S: Final = 1.5  # a market order is filled or cancelled at once: then its frames are on their way


class Sender:
    """Sends intents that are durable as SUBMITTING, and finds out what became of them."""

    def __init__(self, desk: Desk, books: Books) -> None:
        self._desk = desk
        self._books = books

    async def send(self, intent: Intent, grip: Grip) -> Intent:
        """Ask the venue until the intent is accepted, refused or unknown; returns how it stands then."""
        for _ in count() if self._desk.figures.keeps_order else range(TRIES):
            stamp = grip.stamp()
            if stamp is None:
                return self._withdraw(intent, grip, "the lock ran out before the request left")
            outcome = await self._desk.trading.create_order(request_of(intent), stamp)
            laps.ended("answer")
            self._desk.reached(ENTRY_ANSWERED if intent.is_entry else EXIT_ANSWERED)
            intent = self._answered(intent, outcome)
            laps.ended("record")
            if not isinstance(outcome, RefusedForNow) or intent.state is not OrderState.PLANNED:
                return await self._end_of(intent, outcome)
            await self._desk.clock.sleep(min(outcome.wait_ms, 2_000) / 1_000)
            again = self.again(intent, grip)
            if again is None:
                return self.standing(intent)
            intent = again
        return self._withdraw(intent, grip, f"refused {TRIES} times: {intent.reason}")

    async def _end_of(self, intent: Intent, outcome: Outcome) -> Intent:
        match outcome:
            case Accepted():
                ended = await self.await_end(intent)
                laps.ended("fill")
                return ended
            case Exists() | Ambiguous() | Unchanged():
                self._desk.counts["duplicates_prevented" if isinstance(outcome, Exists) else "ambiguous"] += 1
                return await self.find_out(intent)
            case _:
                return intent

    def _answered(self, intent: Intent, outcome: Outcome) -> Intent:
        match outcome:
            case Accepted():
                return self._record(intent, OrderEvent.ACCEPTED)
            case RefusedForGood(code=code, text=text):
                return self._record(intent, OrderEvent.REFUSED, f"{code} {text}")
            case RefusedForNow(code=code, text=text):
                return self._record(intent, OrderEvent.DEFERRED, f"{code} {text}")
            case Exists(code=code, text=text):
                return self._record(intent, OrderEvent.UNHEARD, f"{code} {text}")
            case Unchanged(code=code):
                return self._record(intent, OrderEvent.UNHEARD, str(code))
            case Ambiguous(text=text):
                return self._record(intent, OrderEvent.UNHEARD, text)

    def _record(self, intent: Intent, event: OrderEvent, reason: str = "") -> Intent:
        """Write down what the venue said; a fact needs no fence, but a refusal ends only the send it answers."""
        desk = self._desk
        with desk.write(synced=False) as pages:
            now = pages.intent(intent.link_id) or intent
            if event in _OF_ONE_SEND and now.sent_at != intent.sent_at:
                log.warning("order.sent_by_another", order=intent.link_id, unheeded=event, reason=reason)
                return now
            folding = Folding(pages, desk.instance, desk.clock.now())
            return folding.advance(intent.link_id, event, at=desk.market.now(), reason=reason) or intent

    def _withdraw(self, intent: Intent, grip: Grip, why: str) -> Intent:
        """End an order that surely never left, unless somebody else has taken it up."""
        desk = self._desk
        try:
            with desk.write() as pages:
                pages.check_fence(intent.symbol, grip.fence)
                now = pages.intent(intent.link_id)
                if now is None or now.state not in {OrderState.PLANNED, OrderState.SUBMITTING}:
                    return now or intent
                folding = Folding(pages, desk.instance, desk.clock.now())
                return folding.advance(intent.link_id, OrderEvent.EXPIRED, at=desk.market.now(), reason=why) or intent
        except Overtaken:
            log.warning("order.left_to_another", order=intent.link_id)
            return self.standing(intent)

    def again(self, intent: Intent, grip: Grip) -> Intent | None:
        """Make a refused-for-now or never-arrived order ready to be sent again; None when it no longer may be."""
        sent = self._sent_anew(intent, grip)
        if sent is not None:
            self._desk.reached(ORDER_AGAIN)
        return sent

    def _sent_anew(self, intent: Intent, grip: Grip) -> Intent | None:
        desk = self._desk
        try:
            with desk.write() as pages:
                pages.check_fence(intent.symbol, grip.fence)
                now = pages.intent(intent.link_id)
                if now is None or now.state is not OrderState.PLANNED:
                    return None  # a frame or another hand proved that it is there
                folding = Folding(pages, desk.instance, desk.clock.now())
                stale = desk.market.now() > intent.valid_until or desk.switch(pages).level is not Level.OPEN
                if not intent.is_entry or stale:
                    # An exit is asked for anew, under the next attempt, if there is still something to close.
                    why = f"not sent again: {intent.reason}"
                    folding.advance(intent.link_id, OrderEvent.EXPIRED, at=desk.market.now(), reason=why)
                    return None
                sent = folding.advance(intent.link_id, OrderEvent.SENT, at=desk.market.now())
                if sent is None:
                    return None
                sent = replace(sent, sent_at=desk.clock.now())
                pages.keep_intent(sent)
                pages.sent(intent.symbol, sent.sent_at)
                return sent
        except Overtaken:
            log.warning("order.left_to_another", order=intent.link_id)
            return None

    def standing(self, intent: Intent) -> Intent:
        with self._desk.ledger.read() as pages:
            return pages.intent(intent.link_id) or intent

    def _booked(self, intent: Intent) -> bool:
        """Whether the order has ended and all its fills are in the ledger."""
        now = self.standing(intent)
        with self._desk.ledger.read() as pages:
            order = pages.order(intent.link_id)
        return now.state.is_terminal and (order is None or order.filled <= now.filled)

    async def await_end(self, intent: Intent) -> Intent:
        """Wait for the frames of an accepted market order; ask when they do not come."""
        if not await self._desk.until(lambda: self._booked(intent), seconds=FILL_S):
            try:
                await self._look(intent)
            except Transient as error:
                log.warning("order.not_found_out", order=intent.link_id, reason=str(error))
        return self.standing(intent)

    async def find_out(self, intent: Intent) -> Intent:
        """Ask every source about an order that may have happened, with back-off, while there is patience."""
        desk = self._desk
        deadline = desk.clock.now() + PATIENCE_S * 1_000
        for pause in backoff(first=0.25, ceiling=2.0):
            try:
                state = await self.look(intent)
            except Transient as error:
                log.warning("order.not_found_out", order=intent.link_id, reason=str(error))
                state = OrderState.UNKNOWN
            impatient = desk.clock.now() >= deadline and not desk.figures.keeps_order
            if state not in {OrderState.UNKNOWN, OrderState.SUBMITTING} or impatient:
                return self.standing(intent)
            await desk.clock.sleep(pause)
        return intent

    async def take_up(self, intent: Intent, grip: Grip) -> Intent:
        """Finish an order that nobody touched for a while, whoever began it."""
        found = await self.find_out(intent)
        if found.state is not OrderState.PLANNED:
            return found
        again = self.again(found, grip)
        return found if again is None else await self.send(again, grip)

    async def look(self, intent: Intent) -> OrderState:
        """Ask open orders, history, executions and the position once. Raises Transient when one does not answer."""
        if await self._look(intent):
            return self.standing(intent).state
        position = await self._desk.read_position(intent.symbol)
        if intent.is_entry and position is not None:
            return self.standing(intent).state  # something is open: that is no "not found"
        self._count_look(intent)
        return self.standing(intent).state

    async def _look(self, intent: Intent) -> bool:
        order = await self._desk.trading.find_order(intent.symbol, intent.link_id)
        since = Instant(max(0, intent.at - AHEAD_MS - MINUTE_MS))
        if order is not None:
            self._adopt(intent, order.order_id)
            self._desk.reached(ORDER_FOUND)
            self._books.order_seen(order)
        await self._books.catch_up(since=since, symbol=intent.symbol)
        return order is not None or self.standing(intent).filled > 0

    def _adopt(self, intent: Intent, order_id: str) -> None:
        if intent.state in {OrderState.UNKNOWN, OrderState.SUBMITTING}:
            log.info("order.found", order=intent.link_id, venue=order_id)

    def _count_look(self, intent: Intent) -> None:
        """Only a look from after the last moment at which the request could arrive counts; two of them end it."""
        desk = self._desk
        with desk.write() as pages:
            now = pages.intent(intent.link_id)
            if now is None or now.state not in {OrderState.UNKNOWN, OrderState.SUBMITTING}:
                return
            if desk.clock.now() < now.sent_at + desk.figures.recv_window_ms + LATE_MS:
                return
            looked = replace(now, looks=now.looks + 1)
            pages.keep_intent(looked)
            if looked.looks >= LOOKS:
                folding = Folding(pages, desk.instance, desk.clock.now())
                folding.advance(now.link_id, OrderEvent.NOT_FOUND, at=desk.market.now(), reason="it never arrived")


def request_of(intent: Intent) -> OrderRequest:
    """What is asked of the venue for an intent."""
    action = Action.opening(intent.side) if intent.is_entry else Action.closing(intent.side)
    stop = intent.stop if intent.is_entry else None
    return OrderRequest(intent.symbol, action, intent.qty, OrderLinkId(intent.link_id), not intent.is_entry, stop)
