"""Intents, the venue's records of orders, and the fence that keeps a slow hand from writing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import bindparam, or_, select, update

from libs.common.exchange.trading_types import Execution, VenueOrder
from libs.common.ids import ENTRY, OrderLinkId
from libs.common.units import Instant, Price, Symbol, Usd
from services.executor.adapters import schema
from services.executor.adapters.rows import KEY, NEW, Rows, intent_of, intent_values, order_of, order_values
from services.executor.core.intent import Intent, Overtaken
from services.executor.core.order import OrderEvent, OrderState, advance
from services.executor.core.position import filled

_LIVE = [state for state in OrderState if state.may_be_live]

_F, _I, _O = schema.fence.c, schema.intents.c, schema.orders.c
_FENCE: Final = select(schema.fence).where(_F.symbol == bindparam("symbol"))
_SENT: Final = (
    update(schema.fence).where(_F.symbol == bindparam(f"{KEY}symbol")).values(sent_at=bindparam(f"{NEW}sent_at"))
)
_INTENT: Final = select(schema.intents).where(_I.link_id == bindparam("link_id"))
_ALIVE: Final = select(schema.intents).where(_I.state.in_(_LIVE)).order_by(_I.at)
_ALIVE_HERE: Final = _ALIVE.where(_I.symbol == bindparam("symbol"))
_ALIVE_SYMBOLS: Final = select(_I.symbol, _I.purpose).where(_I.state.in_(_LIVE))
_MARGINS: Final = select(_I.symbol, _I.margin, _I.state, _I.filled).where(
    _I.purpose == ENTRY, or_(_I.state.in_(_LIVE), _I.touched_at >= bindparam("since"))
)
_FILLS_TOLD: Final = (
    select(_I.symbol, _I.filled, _O.filled.label("told"))
    .join(schema.orders, _O.link_id == _I.link_id)
    .where(_I.touched_at >= bindparam("since"))
)
_OF_POSITION: Final = (
    select(schema.intents).where(_I.position_id == bindparam("position_id")).order_by(_I.at, _I.link_id)
)
_ORDER_UPDATED: Final = select(_O.updated_at).where(_O.order_id == bindparam("order_id"))


class IntentRows(Rows):
    """Everything about what we asked for."""

    def take_fence(self, symbol: Symbol) -> int:
        """Issue the next fencing number of a symbol: every earlier holder is overtaken from now on."""
        row = self.db.execute(_FENCE, {"symbol": symbol}).first()
        number = 1 if row is None else row.number + 1
        self._put(schema.fence, {"symbol": symbol, "number": number, "sent_at": 0 if row is None else row.sent_at})
        return number

    def fence(self, symbol: Symbol) -> int:
        row = self.db.execute(_FENCE, {"symbol": symbol}).first()
        return 0 if row is None else int(row.number)

    def check_fence(self, symbol: Symbol, number: int) -> None:
        """Raise Overtaken if another holder came after this one."""
        if self.fence(symbol) != number:
            raise Overtaken(f"{symbol}: fence {number} is not the newest")

    def sent(self, symbol: Symbol, at: Instant) -> None:
        """Remember the wall time of our newest write on a symbol."""
        self.db.execute(_SENT, {f"{KEY}symbol": symbol, f"{NEW}sent_at": at})

    def sent_at(self, symbol: Symbol) -> Instant:
        row = self.db.execute(_FENCE, {"symbol": symbol}).first()
        return Instant(0 if row is None else row.sent_at)

    def intent(self, link_id: str) -> Intent | None:
        row = self.db.execute(_INTENT, {"link_id": link_id}).first()
        return None if row is None else intent_of(row)

    def add_intent(self, intent: Intent) -> None:
        self._add(schema.intents, intent_values(intent))

    def keep_intent(self, intent: Intent) -> None:
        self._put(schema.intents, intent_values(intent))

    def advance(
        self, link_id: OrderLinkId, event: OrderEvent, *, now: Instant, reason: str = ""
    ) -> tuple[Intent, Intent] | None:
        """Apply an event to an intent and return it before and after; None if the ledger has no such intent.

        Raises IllegalTransition (Fatal) for an event that cannot happen.
        """
        before = self.intent(link_id)
        if before is None:
            return None
        state = advance(before.state, event)
        if state is before.state and not reason:
            return before, before
        looks = before.looks if state is OrderState.UNKNOWN else 0
        after = replace(before, state=state, touched_at=now, reason=reason or before.reason, looks=looks)
        self.keep_intent(after)
        return before, after

    def filled_intent(self, link_id: OrderLinkId, fills: Sequence[Execution]) -> Intent | None:
        """Write down what of an order is filled; the sum of its fills, whatever order they came in."""
        intent = self.intent(link_id)
        if intent is None:
            return None
        qty, average = filled(fills)
        changed = replace(intent, filled=qty, average=average)
        self.keep_intent(changed)
        return changed

    def live_intents(self, symbol: Symbol | None = None) -> Sequence[Intent]:
        """Intents that the venue may hold or come to hold, oldest first."""
        rows = self.db.execute(_ALIVE) if symbol is None else self.db.execute(_ALIVE_HERE, {"symbol": symbol})
        return [intent_of(row) for row in rows]

    def live_symbols(self) -> Mapping[Symbol, bool]:
        """Symbols that an intent may be live on, and whether one of them is an entry."""
        found: dict[Symbol, bool] = {}
        for row in self.db.execute(_ALIVE_SYMBOLS):
            found[Symbol(row.symbol)] = found.get(Symbol(row.symbol), False) or row.purpose == ENTRY
        return found

    def entry_margins(self, since: Instant) -> Sequence[tuple[Symbol, Usd]]:
        """Margins of entries that may be live, and of those that were filled and touched at or after `since` (wall):
        they may not be in an older report of the wallet."""
        alive = frozenset(_LIVE)
        return [
            (Symbol(row.symbol), Usd(row.margin))
            for row in self.db.execute(_MARGINS, {"since": since})
            if row.filled or OrderState(row.state) in alive | {OrderState.FILLED}
        ]

    def unbooked(self, *, since: Instant) -> frozenset[Symbol]:
        """Symbols whose orders the venue says to have filled further than their booked fills tell (touched since)."""
        rows = self.db.execute(_FILLS_TOLD, {"since": since})
        return frozenset(Symbol(row.symbol) for row in rows if row.told > row.filled)

    def intents_of(self, position_id: str) -> Sequence[Intent]:
        return [intent_of(row) for row in self.db.execute(_OF_POSITION, {"position_id": position_id})]

    def accept_orders(self, symbol: Symbol | None, *, now: Instant) -> None:
        """A person has looked at orders that contradicted us: they count no more."""
        for intent in self.live_intents(symbol):
            if intent.state is OrderState.MANUAL_REVIEW:
                self.advance(intent.link_id, OrderEvent.REVIEWED, now=now, reason="reviewed by a person")

    def knows_any_order(self) -> bool:
        """Whether this ledger has ever known an order: an empty one is rebuilt from the venue."""
        return self.db.execute(select(schema.intents.c.link_id).limit(1)).first() is not None

    def unexplained(self, link_ids: Iterable[str]) -> Sequence[str]:
        return [link_id for link_id in link_ids if not self._has(schema.intents, link_id)]

    def keep_order(self, order: VenueOrder) -> None:
        """Store the venue's record of an order, unless a newer one is there."""
        known = self.db.execute(_ORDER_UPDATED, {"order_id": order.order_id}).scalar()
        if known is None or known <= order.updated_at:
            self._put(schema.orders, order_values(order))

    def order(self, link_id: str) -> VenueOrder | None:
        """The venue's record of an order of ours, as last reported."""
        row = self.db.execute(select(schema.orders).where(schema.orders.c.link_id == link_id)).first()
        return None if row is None else order_of(row)

    def trigger_of(self, order_id: str) -> Price | None:
        """At what price the venue's own order was to act; None for one that had none, or is not known."""
        query = select(schema.orders.c.trigger).where(schema.orders.c.order_id == order_id)
        found = self.db.execute(query).scalar()
        return None if found is None else Price(found)

    def orders(self, symbol: Symbol | None = None) -> Sequence[VenueOrder]:
        query = select(schema.orders).order_by(schema.orders.c.created_at.desc()).limit(1_000)
        if symbol is not None:
            query = query.where(schema.orders.c.symbol == symbol)
        return [order_of(row) for row in self.db.execute(query)]
