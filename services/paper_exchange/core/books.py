"""The exchange's books: open orders, positions and the wallet, and a journal of every change to them.

1. Wallet change = realised profit - fees - funding, to the last digit.
2. A position's size is the sum of its fills; reduce-only orders never open or turn one.
3. Same commands at the same market moments, same books: nothing here knows the wall clock but to note it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import ExecutionType
from libs.common.units import ZERO, Instant, Price, Qty, Symbol, Usd
from services.paper_exchange.core.amounts import money
from services.paper_exchange.core.changes import (
    Change,
    Executed,
    Moment,
    Naked,
    NakedChanged,
    OrderChanged,
    PartClosed,
    PositionTold,
    Totals,
    WalletChanged,
)
from services.paper_exchange.core.depth import Quote
from services.paper_exchange.core.order import Order, StopKind, filled
from services.paper_exchange.core.position import MAKER_FEE, TAKER_FEE, Position, Settled, settle
from services.paper_exchange.core.receipts import Ticket, closed_part, fill_receipt, funding_receipt, venue_id


class Quotes(Protocol):
    """What the market offers at a moment of market time."""

    def quote(self, symbol: Symbol, last: Price, mark: Price, at: Instant) -> Quote: ...


@dataclass(frozen=True, slots=True)
class Saved:
    """Everything that the books need to go on after a crash."""

    totals: Totals
    positions: Sequence[Position] = ()
    orders: Sequence[Order] = ()  # the open ones
    link_ids: Iterable[str] = ()  # every one ever used
    naked: Sequence[Naked] = ()  # the ones that still are
    naked_ever: int = 0


@dataclass(slots=True)
class _Shown:
    side: object = None
    size: Decimal = ZERO
    stop: Price | None = None


@dataclass(slots=True)
class Books:
    """Mutable; every method leaves them whole. Commands are in placing, changing and guards, ticks in moves."""

    instruments: Mapping[Symbol, Instrument]
    quotes: Quotes
    seed: int
    totals: Totals
    positions: dict[Symbol, Position] = field(default_factory=dict)
    orders: dict[Symbol, dict[str, Order]] = field(default_factory=dict)  # the open ones, oldest first
    link_ids: set[str] = field(default_factory=set)
    naked: dict[Symbol, Naked] = field(default_factory=dict)
    naked_ever: int = 0
    last: dict[Symbol, Price] = field(default_factory=dict)
    mark: dict[Symbol, Price] = field(default_factory=dict)
    journal: list[Change] = field(default_factory=list)
    _shown: dict[Symbol, _Shown] = field(default_factory=dict)

    @classmethod
    def load(cls, saved: Saved, instruments: Mapping[Symbol, Instrument], quotes: Quotes, seed: int) -> "Books":
        books = cls(instruments, quotes, seed, saved.totals)
        books.positions = {p.symbol: p for p in saved.positions}
        books._shown = {p.symbol: _Shown(p.side, p.size, p.stop) for p in saved.positions}
        for order in sorted(saved.orders, key=lambda o: o.seq):
            books.orders.setdefault(order.symbol, {})[order.order_id] = order
        books.link_ids = set(saved.link_ids)
        books.naked = {n.symbol: n for n in saved.naked}
        books.naked_ever = saved.naked_ever
        return books

    def take_journal(self) -> list[Change]:
        """Return what changed since the last time, in order."""
        taken, self.journal = self.journal, []
        return taken

    def position(self, symbol: Symbol) -> Position:
        return self.positions.get(symbol) or Position(symbol)

    def open_positions(self) -> list[Position]:
        return [p for _, p in sorted(self.positions.items()) if p.side is not None]

    def open_orders(self, symbol: Symbol | None = None) -> list[Order]:
        """Open orders, oldest first."""
        shelves = [self.orders.get(symbol, {})] if symbol else list(self.orders.values())
        return sorted((order for shelf in shelves for order in shelf.values()), key=lambda order: order.seq)

    def guard(self, symbol: Symbol, kind: StopKind) -> Order | None:
        """The position's own stop loss or take profit, while it waits."""
        waiting = self.orders.get(symbol, {}).values()
        return next((order for order in waiting if order.stop_kind is kind and order.waits), None)

    def quote(self, symbol: Symbol, moment: Moment) -> Quote:
        return self.quotes.quote(symbol, self.last[symbol], self.mark[symbol], moment.market)

    def position_margin(self) -> Usd:
        return Usd(sum((p.margin for p in self.open_positions()), ZERO))

    def order_margin(self) -> Usd:
        """Margin held for orders that could open."""
        return Usd(sum((self.resting_value(s) / self.position(s).leverage for s in self.orders), ZERO))

    def resting_value(self, symbol: Symbol) -> Usd:
        """Value of the orders that could open; conditional ones hold no margin."""
        resting = (o for o in self.orders.get(symbol, {}).values() if not o.reduce_only and not o.waits)
        return Usd(sum((order.leaves * (order.price or ZERO) for order in resting), ZERO))

    def available(self) -> Usd:
        return Usd(self.totals.balance - self.position_margin() - self.order_margin())

    def next_order(self) -> tuple[int, str]:
        """Return the next order's number and id: functions of the seed and a counter."""
        self.totals = replace(self.totals, orders=self.totals.orders + 1)
        return self.totals.orders, venue_id(self.seed, "order", self.totals.orders)

    def _next_seq(self) -> int:
        self.totals = replace(self.totals, seq=self.totals.seq + 1)
        return self.totals.seq

    def put(self, order: Order) -> Order:
        """Keep `order` as it is now; a terminal one leaves the book."""
        if order.status.is_terminal:
            self.orders.get(order.symbol, {}).pop(order.order_id, None)
        else:
            self.orders.setdefault(order.symbol, {})[order.order_id] = order
        if order.link_id:
            self.link_ids.add(order.link_id)
        self.journal.append(OrderChanged(order))
        return order

    def put_position(self, position: Position) -> Position:
        self.positions[position.symbol] = replace(position, seq=self._next_seq())
        return self.positions[position.symbol]

    def fill(self, order: Order, qty: Qty, price: Price, moment: Moment, *, maker: bool, bust: bool = False) -> Settled:
        """Execute `qty` of `order` at `price`; the position and the wallet follow."""
        rate = MAKER_FEE if maker else TAKER_FEE
        fee = money(qty * price * rate)
        done = self.put(filled(order, qty, price, fee, moment.market))
        settled = settle(self.position(order.symbol), order.action, qty, price, fee, moment.market)
        self.put_position(settled.position)
        self._book(settled.gross, fee, Usd(ZERO))
        execution = fill_receipt(
            self._ticket(),
            done,
            settled,
            moment,
            qty=qty,
            price=price,
            fee=fee,
            rate=rate,
            mark=self.mark[order.symbol],
            maker=maker,
            kind=ExecutionType.BUST if bust else ExecutionType.TRADE,
        )
        self.journal.append(Executed(execution))
        if settled.closed:
            self.journal.append(PartClosed(closed_part(execution, settled)))
        return settled

    def fund(self, symbol: Symbol, rate: Decimal, moment: Moment) -> None:
        """Settle funding on an open position: longs pay when `rate` is positive."""
        position = self.position(symbol)
        if position.side is None:
            return
        mark = self.mark[symbol]
        amount = money(position.side.sign * position.size * mark * rate)
        self.put_position(
            replace(
                position,
                funding=Usd(position.funding + amount),
                current_realised=Usd(position.current_realised - amount),
                realised=Usd(position.realised - amount),
                updated_at=moment.market,
            )
        )
        self._book(Usd(ZERO), Usd(ZERO), amount)
        ticket = self._ticket()
        order_id = venue_id(self.seed, "funding", ticket.number)
        self.journal.append(Executed(funding_receipt(ticket, order_id, position, amount, rate, mark, moment)))
        self.finish(symbol, moment)

    def finish(self, symbol: Symbol, moment: Moment) -> None:
        """Tell the position and the wallet after a command, and note whether a stop is missing."""
        position = self.position(symbol)
        shown = self._shown.setdefault(symbol, _Shown())
        changed = (shown.side, shown.size, shown.stop) != (position.side, position.size, position.stop)
        self._shown[symbol] = _Shown(position.side, position.size, position.stop)
        self.totals = replace(self.totals, most_positions=max(self.totals.most_positions, len(self.open_positions())))
        self.journal.append(PositionTold(position, self.mark[symbol], changed, moment.market))
        self.journal.append(WalletChanged(self.totals))
        self._watch(position, moment)

    def _watch(self, position: Position, moment: Moment) -> None:
        known = self.naked.get(position.symbol)
        bare = position.side is not None and position.stop is None
        if bare and known is None:
            self.naked_ever += 1
            known = Naked(self.naked_ever, position.symbol, moment.market, moment.up_ms)
            self.naked[position.symbol] = known
            self.journal.append(NakedChanged(known))
        elif known is not None and not bare:
            del self.naked[position.symbol]
            self.journal.append(NakedChanged(replace(known, until=moment.market, until_up=moment.up_ms)))

    def _book(self, gross: Usd, fee: Usd, funding: Usd) -> None:
        now = self.totals
        self.totals = replace(
            now,
            balance=Usd(now.balance + gross - fee - funding),
            realised=Usd(now.realised + gross),
            fees=Usd(now.fees + fee),
            funding=Usd(now.funding + funding),
        )

    def _ticket(self) -> Ticket:
        self.totals = replace(self.totals, executions=self.totals.executions + 1)
        return Ticket(self.totals.executions, venue_id(self.seed, "execution", self.totals.executions))
