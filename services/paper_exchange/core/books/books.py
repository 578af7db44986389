"""The exchange's books: open orders, positions and the wallet, and a journal of every change to them.

1. Wallet change = realised profit - fees - funding, to the last digit.
2. A position's size is the sum of its fills; reduce-only orders never open or turn one.
3. Same commands at the same market moments, same books: nothing here knows the wall clock but to note it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Protocol

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action, ExecutionType
from libs.common.units import ZERO, Fraction, Instant, Price, Qty, Symbol, Usd
from services.paper_exchange.core.books.amounts import money
from services.paper_exchange.core.books.changes import (
    NEW_ACCOUNT,
    Account,
    AccountChanged,
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
from services.paper_exchange.core.books.figures import Figures
from services.paper_exchange.core.books.leg import HEDGED, Key, Leg
from services.paper_exchange.core.books.order import Order, StopKind, filled
from services.paper_exchange.core.books.position import MAKER_FEE, TAKER_FEE, Position, settle
from services.paper_exchange.core.books.receipts import Ticket, closed_part, fill_receipt, funding_receipt, venue_id
from services.paper_exchange.core.books.shelves import Shelves
from services.paper_exchange.core.market.depth import Level, Quote

WHOLE: Final = Fraction(Decimal(1))


class Quotes(Protocol):
    """What the market offers at a moment of market time."""

    def quote(self, symbol: Symbol, last: Price, mark: Price, at: Instant) -> Quote: ...


class LinkIds(Protocol):
    """The order ids of clients that were ever used: a set, or what stands for one on disk."""

    def __contains__(self, link_id: str, /) -> bool: ...

    def __iter__(self) -> Iterator[str]: ...

    def add(self, link_id: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Saved:
    """Everything that the books need to go on after a crash."""

    totals: Totals
    account: Account = NEW_ACCOUNT
    positions: Sequence[Position] = ()
    orders: Sequence[Order] = ()  # the open ones
    link_ids: LinkIds = field(default_factory=set[str])  # every one ever used
    naked: Sequence[Naked] = ()  # the ones that still are
    naked_ever: int = 0


@dataclass(frozen=True, slots=True)
class Calm:
    """Between these prices no tick of a symbol does anything to its orders and positions."""

    low: Price
    high: Price
    mark_low: Price
    mark_high: Price

    def holds(self, last: Price, mark: Price) -> bool:
        return self.low < last < self.high and self.mark_low < mark < self.mark_high


@dataclass(slots=True)
class _Shown:
    side: object = None
    size: Decimal = ZERO
    stop: Price | None = None


def _plenty(_order: Order) -> Fraction:
    return WHOLE


@dataclass(slots=True)
class Books:
    """Mutable; every method leaves them whole. Commands are in placing, changing and guards, ticks in moves.

    scarcity: how much of an order the market has anything for, as a fraction; a fault can make it less than one.
    calm: forgotten whenever a symbol's orders or positions change.
    """

    instruments: Mapping[Symbol, Instrument]
    quotes: Quotes
    seed: int
    totals: Totals
    account: Account = NEW_ACCOUNT
    positions: dict[Key, Position] = field(default_factory=dict)
    orders: Shelves = field(default_factory=Shelves)  # the open ones
    link_ids: LinkIds = field(default_factory=set[str])
    naked: dict[Key, Naked] = field(default_factory=dict)
    naked_ever: int = 0
    last: dict[Symbol, Price] = field(default_factory=dict)
    mark: dict[Symbol, Price] = field(default_factory=dict)
    journal: list[Change] = field(default_factory=list)
    scarcity: Callable[[Order], Fraction] = _plenty
    calm: dict[Symbol, Calm] = field(default_factory=dict)
    figures: Figures = field(default_factory=Figures)
    _eaten: dict[tuple[Symbol, Action], Qty] = field(default_factory=dict)
    _opened: set[Key] = field(default_factory=set)
    _shown: dict[Key, _Shown] = field(default_factory=dict)

    @classmethod
    def load(cls, saved: Saved, instruments: Mapping[Symbol, Instrument], quotes: Quotes, seed: int) -> "Books":
        books = cls(instruments, quotes, seed, saved.totals, saved.account)
        books.positions = {p.key: p for p in saved.positions}
        books._opened = {p.key for p in saved.positions if p.side is not None}
        books._shown = {p.key: _Shown(p.side, p.size, p.live_stop) for p in saved.positions}
        for order in sorted(saved.orders, key=lambda o: o.seq):
            books.orders.put(order)
        books.figures = Figures({*books.positions, *(order.key for order in saved.orders)})
        books.link_ids = saved.link_ids
        books.naked = {(n.symbol, n.leg): n for n in saved.naked}
        books.naked_ever = saved.naked_ever
        return books

    def take_journal(self) -> list[Change]:
        """Return what changed since the last time, in order."""
        taken, self.journal = self.journal, []
        return taken

    def legs(self, symbol: Symbol) -> tuple[Leg, ...]:
        """The legs that a symbol has in the mode it is in."""
        return HEDGED if symbol in self.account.hedged else (Leg.ONE_WAY,)

    def position(self, symbol: Symbol, leg: Leg = Leg.ONE_WAY) -> Position:
        return self.positions.get((symbol, leg)) or Position(symbol, leg)

    def open_positions(self, symbol: Symbol | None = None) -> list[Position]:
        """Open positions, sorted by symbol and leg."""
        keys = sorted(self._opened) if symbol is None else [(symbol, leg) for leg in Leg]
        return [self.positions[key] for key in keys if key in self._opened]

    def open_orders(self, symbol: Symbol | None = None) -> list[Order]:
        """Open orders, oldest first."""
        return self.orders.all() if symbol is None else list(self.orders.of(symbol).values())

    def is_open(self, order: Order) -> bool:
        return order.order_id in self.orders.of(order.symbol)

    def guards(self, key: Key) -> list[Order]:
        """What waits to close a position: stop losses, take profits, a trailing stop; oldest first."""
        return self.orders.guards(key)

    def guard(self, key: Key, kind: StopKind) -> Order | None:
        """The position's own stop loss, take profit or trailing stop over all of it, while it waits."""
        return next((order for order in self.guards(key) if order.stop_kind is kind and order.waits), None)

    def quote(self, symbol: Symbol, moment: Moment) -> Quote:
        return self.quotes.quote(symbol, self.last[symbol], self.mark[symbol], moment.market)

    def meets(self, action: Action, quote: Quote, symbol: Symbol) -> Iterator[Level]:
        """Yield the levels that are left for a taker: what was taken since the last tick is not there again."""
        eaten = self._eaten.get((symbol, action), ZERO)
        for level in quote.ladder(action):
            left = level.qty - eaten
            eaten = max(ZERO, -left)
            if left > ZERO:
                yield Level(level.price, Qty(left))

    def eat(self, symbol: Symbol, action: Action, qty: Qty) -> None:
        """Note that a taker took `qty` of the ladder."""
        self._eaten[symbol, action] = Qty(self._eaten.get((symbol, action), ZERO) + qty)

    def tick(self, symbol: Symbol, last: Price, mark: Price) -> None:
        """Let the market be there: the ladder is full again."""
        self.last[symbol], self.mark[symbol] = last, mark
        if self._eaten:
            for action in Action:
                self._eaten.pop((symbol, action), None)

    def next_order(self) -> tuple[int, str]:
        """Return the next order's number and id: functions of the seed and a counter."""
        self.totals = replace(self.totals, orders=self.totals.orders + 1)
        return self.totals.orders, venue_id(self.seed, "order", self.totals.orders)

    def _next_seq(self) -> int:
        self.totals = replace(self.totals, seq=self.totals.seq + 1)
        return self.totals.seq

    def put(self, order: Order) -> Order:
        """Keep `order` as it is now; a terminal one leaves the book."""
        self.orders.put(order)
        if order.link_id:
            self.link_ids.add(order.link_id)
        self.calm.pop(order.symbol, None)
        self.figures.changed.add(order.key)
        self.journal.append(OrderChanged(order))
        return order

    def put_position(self, position: Position) -> Position:
        self.calm.pop(position.symbol, None)
        self.figures.changed.add(position.key)
        self.figures.slack = None
        kept = self.positions[position.key] = replace(position, seq=self._next_seq())
        (self._opened.discard if kept.side is None else self._opened.add)(kept.key)
        return kept

    def put_account(self, account: Account) -> None:
        self.calm.clear()
        self.figures.slack = None
        self.account = account
        self.journal.append(AccountChanged(account))

    def fill(self, order: Order, qty: Qty, price: Price, moment: Moment, *, maker: bool, bust: bool = False) -> Order:
        """Execute `qty` of `order` at `price`; the position and the wallet follow. Returns the order after it."""
        rate = MAKER_FEE if maker else TAKER_FEE
        fee = money(qty * price * rate)
        done = self.put(filled(order, qty, price, fee, moment.market))
        settled = settle(self.position(*order.key), order.action, qty, price, fee, moment.market)
        self.put_position(settled.position)
        execution = fill_receipt(
            self._book(settled.gross, fee, Usd(ZERO)),
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
        return done

    def fund(self, symbol: Symbol, rate: Decimal, moment: Moment) -> None:
        """Settle funding on the symbol's open positions: longs pay when `rate` is positive."""
        for position in self.open_positions(symbol):
            self._fund(position, rate, moment)

    def _fund(self, position: Position, rate: Decimal, moment: Moment) -> None:
        mark = self.mark[position.symbol]
        sign = position.side.sign if position.side else 0
        amount = money(sign * position.size * mark * rate)
        self.put_position(
            replace(
                position,
                funding=Usd(position.funding + amount),
                current_realised=Usd(position.current_realised - amount),
                realised=Usd(position.realised - amount),
                updated_at=moment.market,
            )
        )
        ticket = self._book(Usd(ZERO), Usd(ZERO), amount)
        order_id = venue_id(self.seed, "funding", ticket.number)
        self.journal.append(Executed(funding_receipt(ticket, order_id, position, amount, rate, mark, moment)))
        self.finish(position.key, moment)

    def finish(self, key: Key, moment: Moment) -> None:
        """Tell the position and the wallet after a command, and note whether a stop is missing."""
        position = self.position(*key)
        now = _Shown(position.side, position.size, position.live_stop)
        changed = now != self._shown.get(key, _Shown())
        self._shown[key] = now
        if changed:
            most = len(self._opened)
            if most > self.totals.most_positions:
                self.totals = replace(self.totals, most_positions=most)
        self.journal.append(PositionTold(position, self.mark[position.symbol], changed, moment.market))
        self.journal.append(WalletChanged(self.totals))
        self._watch(position, moment)

    def _watch(self, position: Position, moment: Moment) -> None:
        known = self.naked.get(position.key)
        bare = position.side is not None and position.live_stop is None
        if bare and known is None:
            self.naked_ever += 1
            known = Naked(self.naked_ever, position.symbol, position.leg, moment.market, moment.up_ms)
            self.naked[position.key] = known
            self.journal.append(NakedChanged(known))
        elif known is not None and not bare:
            del self.naked[position.key]
            self.journal.append(NakedChanged(replace(known, until=moment.market, until_up=moment.up_ms)))

    def _book(self, gross: Usd, fee: Usd, funding: Usd) -> Ticket:
        """Let the wallet have what an execution brought, and number it."""
        now = self.totals
        number = now.executions + 1
        self.totals = replace(
            now,
            balance=Usd(now.balance + gross - fee - funding),
            realised=Usd(now.realised + gross),
            fees=Usd(now.fees + fee),
            funding=Usd(now.funding + funding),
            executions=number,
        )
        return Ticket(number, venue_id(self.seed, "execution", number))
