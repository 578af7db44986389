"""Inside one ledger transaction: executions become positions, and whoever listens is told."""

from dataclasses import dataclass, replace

import structlog

from libs.common.contracts.positions import OpenPosition, PartialExit
from libs.common.exchange.trading_types import Execution, VenueOrder
from libs.common.ids import OrderLinkId, parse_link_id
from libs.common.units import Fraction, Instant, Price, Symbol, Usd
from services.executor.adapters.ledger import Pages
from services.executor.core.intent import ADOPTED, Intent, judged
from services.executor.core.kept import Kept, PositionStatus
from services.executor.core.order import OrderEvent
from services.executor.core.position import Folded, Trip
from services.executor.core.trades import exits
from services.executor.shell import events

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Folding:
    """One pass over one transaction; `leverage` is what a position of ours on this symbol is opened with."""

    pages: Pages
    owner: str
    now: Instant  # wall

    def fold(self, symbol: Symbol, leverage: Fraction) -> Folded:
        """Bring a symbol's positions up to its executions."""
        folded = self.pages.folded(symbol)
        for rest in folded.rests:  # a row of its own: the trip that it closed takes its row with it
            self.pages.book(rest, synthetic=True)
        for trip in folded.trips:
            self._follow(trip, leverage)
        return folded

    def _follow(self, trip: Trip, leverage: Fraction) -> None:
        kept = self.pages.position(trip.position_id)
        if kept is None:
            kept = self._first_seen(trip, leverage)
            if kept is None:  # foreign and open: the reconciler adopts it under the venue's own name
                return
            self.pages.keep_position(kept)
            self.pages.emit(events.opened(kept, trip.opened_at), owner=self.owner, now=self.now)
            log.info("position.opened", position=trip.position_id, side=trip.side, qty=str(trip.qty or trip.opened))
        self.pages.claim(trip.members, trip.position_id, settled=False)
        self._update(kept, trip)

    def _first_seen(self, trip: Trip, leverage: Fraction) -> Kept | None:
        intent = self.pages.intent(trip.position_id)
        if intent is None and trip.closed_at is None:
            return None
        margin = Usd(trip.entry_value / leverage)
        position = OpenPosition(
            position_id=trip.position_id,
            symbol=trip.symbol,
            side=trip.side,
            qty=trip.opened if trip.closed_at else trip.qty,
            entry=trip.entry,
            stop=self._stop_of(trip) or (intent.stop if intent else None),
            initial_stop=intent.stop if intent else None,
            version=1,
            leverage=leverage,
            margin=margin,
            opened_at=trip.opened_at,
            atr=intent.decision.atr if intent and intent.decision else None,
            decision=intent.decision if intent else None,
            partial_exits=() if trip.closed_at else self._exits(trip),
        )
        if intent is None:
            return Kept(position)
        return Kept(position, equity=intent.equity, trace=intent.trace)

    def _stop_of(self, trip: Trip) -> Price | None:
        """What the stop of a trip stood at when it closed it, if it did: we may have lost how it was moved there."""
        last = trip.exits[-1] if trip.closed_at is not None else None
        return self.pages.trigger_of(last.order_id) if last is not None and last.stop_order_type == "StopLoss" else None

    def _update(self, kept: Kept, trip: Trip) -> None:
        position = kept.position
        if trip.closed_at is not None:
            if kept.status is PositionStatus.OPEN:
                self._close(kept, trip)
            return
        if position.qty == trip.qty and position.entry == trip.entry and kept.status is PositionStatus.OPEN:
            return
        changed = position.model_copy(
            update={
                "qty": trip.qty,
                "entry": trip.entry,
                "version": position.version + 1,
                "margin": Usd(trip.qty * trip.entry / position.leverage),
                "partial_exits": self._exits(trip),
            }
        )
        updated = replace(kept, position=changed, status=PositionStatus.OPEN)
        self.pages.keep_position(updated)
        at = trip.exits[-1].at if trip.exits else trip.opened_at
        self.pages.emit(events.changed(updated, at, "size"), owner=self.owner, now=self.now)

    def _exits(self, trip: Trip) -> tuple[PartialExit, ...]:
        reasons = {str(intent.link_id): intent.reason for intent in self.pages.intents_of(trip.position_id)}
        return tuple(exits(trip, reasons))

    def _close(self, kept: Kept, trip: Trip) -> None:
        position = kept.position.model_copy(update={"version": kept.position.version + 1})
        flat = replace(kept, position=position, status=PositionStatus.FLAT, closed_at=trip.closed_at)
        self.pages.keep_position(flat)
        assert trip.closed_at is not None
        self.pages.emit(events.closed(flat, trip.closed_at), owner=self.owner, now=self.now)
        log.info("position.closed", position=trip.position_id)

    def filled(self, done: Execution) -> None:
        """Advance the order that a fill belongs to, if it is one of ours."""
        if parse_link_id(done.link_id) is None:
            return
        intent = self.pages.filled_intent(OrderLinkId(done.link_id), self.pages.fills_of(done.link_id))
        if intent is not None:
            event = OrderEvent.FILLED if intent.filled >= intent.qty else OrderEvent.PART_FILLED
            self.advance(intent.link_id, event, at=done.at)

    def reported(self, order: VenueOrder) -> None:
        """Take the venue's record of an order."""
        self.pages.keep_order(order)
        intent = self.pages.intent(order.link_id) if order.link_id else None
        if intent is not None:
            self.advance(intent.link_id, judged(intent, order), at=order.updated_at, reason=order.reject_reason)

    def advance(self, link_id: OrderLinkId, event: OrderEvent, *, at: Instant, reason: str = "") -> Intent | None:
        """Move an intent along its table and tell of it; at is market time."""
        moved = self.pages.advance(link_id, event, now=self.now, reason=reason)
        if moved is None:
            return None
        before, after = moved
        if before.state is not after.state:
            log.info(f"order.{after.state.lower()}", order=link_id, was=before.state, reason=after.reason)
            told = events.order_event(after, at)
            if told is not None:
                self.pages.emit(told, owner=self.owner, now=self.now)
        return after


def is_adopted(position_id: str) -> bool:
    return position_id.startswith(f"{ADOPTED}-")
