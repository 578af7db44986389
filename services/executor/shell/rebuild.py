"""A lost ledger is read off the venue: orders by our names for them, executions, and what is open.

1. Nothing is sent, and nothing that the ledger knows is changed: it can be repeated, and run beside an executor.
2. An order of ours is known before its fills are, so positions and trades have the names that they always had, and no
   slot of the retention window is entered twice.
3. The venue lists orders and executions of the last days by itself; those of a position that is older are asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import structlog

from libs.common.exchange.trading_types import Action, OrderStatus, VenueOrder, VenuePosition
from libs.common.ids import ENTRY, OrderLinkId, parse_link_id
from libs.common.units import DAY_MS, MINUTE_MS, ZERO, Instant, Side, Usd
from services.executor.adapters.book_rows import Sizes
from services.executor.adapters.ledger import Pages
from services.executor.core.intent import Intent
from services.executor.core.order import OrderState
from services.executor.core.stops import is_tighter
from services.executor.shell import events
from services.executor.shell.books import OVERLAP_MS, RETENTION_MS, Books
from services.executor.shell.desk import LATE_MS, Desk
from services.executor.shell.reconciler import Reconciler

log = structlog.get_logger()

REBUILDING: Final = "rebuilding"  # a cursor that stands while a ledger is being read off the venue
OLDEST_MS: Final = 90 * DAY_MS  # how far back an old position is followed; the venue dates some from long before
_STATES: Final = {
    OrderStatus.FILLED: OrderState.FILLED,
    OrderStatus.PARTIALLY_FILLED: OrderState.PARTIAL,
    OrderStatus.CANCELLED: OrderState.CANCELLED,
    OrderStatus.DEACTIVATED: OrderState.CANCELLED,
    OrderStatus.REJECTED: OrderState.REFUSED,
}


class Rebuild:
    """Fills a ledger with what the venue knows of us."""

    def __init__(self, desk: Desk, books: Books, reconciler: Reconciler) -> None:
        self._desk = desk
        self._books = books
        self._reconciler = reconciler

    async def run(self) -> Mapping[str, int]:
        """Read everything, and return what is in the ledger now and how much of it is new.

        Raises Transient when the venue does not answer: what is read by then stays, and the next run goes on.
        """
        desk = self._desk
        desk.instruments = {listed.symbol: listed for listed in await desk.trading.instruments()}
        now = desk.market.observe(await desk.trading.market_time())
        before = self._sizes()
        positions = await desk.read_positions()
        since = Instant(max(0, now - RETENTION_MS))
        history = await desk.trading.order_history(None, since=since)
        await self.remember(history, positions, since=since)
        await self._books.catch_up(since=since)
        await self._reconciler.reconcile()
        await self._books.settle_all()
        self.finish()
        self._note_stops()
        after = self._sizes()
        told = {
            "orders": after.orders,
            "orders_added": after.orders - before.orders,
            "executions": after.executions,
            "executions_added": after.executions - before.executions,
            "positions": after.positions,
            "trades": after.trades,
            "trades_added": after.trades - before.trades,
        }
        desk.note("rebuilt", ", ".join(f"{name} {count}" for name, count in told.items()))
        log.warning("ledger.rebuilt", **told)
        return told

    async def remember(
        self, history: Sequence[VenueOrder], positions: Sequence[VenuePosition], *, since: Instant
    ) -> None:
        """Write down every order of ours that is not known, and book the fills of positions from before `since`."""
        desk = self._desk
        old = [position for position in positions if position.created_at < since]
        found = list(history)
        for position in old:
            found += await desk.trading.order_history(position.symbol, since=_beginning(position, since))
        with desk.write() as pages:
            if pages.cursor(REBUILDING) is None:
                pages.set_cursor(REBUILDING, str(desk.clock.now()))
            for order in found:
                _remember(pages, order, desk.clock.now())
        for position in old:
            await self._books.catch_up(since=_beginning(position, since), symbol=position.symbol)

    def finish(self) -> None:
        """Put away what can be explained by nothing that the venue still has: it is about positions long closed.

        The rebuilding itself ends when no request of a life that this ledger does not know can arrive any more: until
        then a start reads the orders off the venue again, instead of taking a late one for another system's.
        """
        desk = self._desk
        with desk.ledger.read() as pages:
            begun = pages.cursor(REBUILDING)
        if begun is None:
            return
        with desk.write() as pages:
            for symbol in pages.symbols_to_fold():
                strays = pages.folded(symbol).strays
                late = Instant(desk.market.now() - OVERLAP_MS)  # what they closed may still be listed late
                pages.claim([done.exec_id for done in strays if done.at < late], "", settled=True)
            if desk.clock.now() >= int(begun) + desk.figures.recv_window_ms + LATE_MS:
                pages.drop_cursor(REBUILDING)

    def _note_stops(self) -> None:
        """Take the stops that the venue reported, where they are tighter than what the entry asked for."""
        desk = self._desk
        with desk.write() as pages:
            for venue in desk.reported:
                kept = pages.open_position(venue.symbol)
                if kept is None or kept.position.side is not venue.side:
                    continue
                position = kept.position
                if venue.stop is None or not is_tighter(position.side, venue.stop, position.stop):
                    continue
                first = position.initial_stop or venue.stop
                seen = {"stop": venue.stop, "initial_stop": first, "version": position.version + 1}
                changed = replace(kept, position=position.model_copy(update=seen))
                pages.keep_position(changed)
                told = events.changed(changed, desk.market.now(), "stop: seen at the venue")
                pages.emit(told, owner=desk.instance, now=desk.clock.now())

    def _sizes(self) -> Sizes:
        with self._desk.ledger.read() as pages:
            return pages.sizes()


def _beginning(position: VenuePosition, since: Instant) -> Instant:
    return Instant(max(0, position.created_at - OVERLAP_MS, since - OLDEST_MS))


def _remember(pages: Pages, order: VenueOrder, now: Instant) -> None:
    intent = remembered(order, now)
    if intent is not None and pages.intent(intent.link_id) is None:
        pages.add_intent(intent)
    pages.keep_order(order)


def remembered(order: VenueOrder, now: Instant) -> Intent | None:
    """An intent as the venue's record of its order tells it; None for orders that are not ours."""
    name = parse_link_id(order.link_id)
    if name is None:
        return None
    is_entry = name.purpose == ENTRY
    return Intent(
        link_id=OrderLinkId(order.link_id),
        position_id=order.link_id if is_entry else entry_of(order.link_id),
        symbol=order.symbol,
        side=Side.LONG if (order.action is Action.BUY) is is_entry else Side.SHORT,
        purpose=name.purpose,
        qty=order.qty,
        stop=order.stop_loss if is_entry else None,
        margin=Usd(ZERO),
        state=_STATES.get(order.status, OrderState.ACCEPTED),
        cause="",
        trace="",
        at=order.created_at,
        valid_until=Instant(name.slot + 15 * MINUTE_MS),
        sent_at=now,
        touched_at=now,
        filled=order.filled,
        average=order.average,
        reason="read off the venue",
    )


def entry_of(exit_link_id: str) -> str:
    """The entry that an exit of ours belongs to: the same name with another purpose."""
    return f"{exit_link_id.rpartition('-')[0]}-{ENTRY}"
