"""A venue in memory that implements both ports, for tests: prices, candles and faults are scripted.

Deterministic: market orders fill at the set price at once, ids are counters, market time is what the test sets.
The venue's wall clock is the given `Clock`; a request dated outside its window gets 10002.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Final

from libs.common.clock import Clock
from libs.common.exchange.market_types import Instrument
from libs.common.exchange.memory_books import Books
from libs.common.exchange.memory_faults import (
    Answer,
    AnsweredAmiss,
    Asked,
    Delayed,
    Fault,
    LeftWorking,
    LostReply,
    LostRequest,
    PartlyFilled,
)
from libs.common.exchange.memory_feed import MemoryFeed
from libs.common.exchange.outcomes import outcome_of
from libs.common.exchange.trading_types import (
    Accepted,
    Action,
    Ambiguous,
    ClosedPnl,
    ExecutionPage,
    KeyFacts,
    OrderRequest,
    Outcome,
    PrivateEvent,
    Stamp,
    StreamDown,
    StreamUp,
    VenueOrder,
    VenuePosition,
    Wallet,
)
from libs.common.ids import OrderLinkId
from libs.common.units import HOUR_MS, Fraction, Instant, Price, Qty, Symbol, Usd

AHEAD_MS: Final = 1_000  # how far in the venue's future a request may be dated


def instrument(symbol: str, *, tick: str = "0.1", step: str = "0.001") -> Instrument:
    """A contract like BTCUSDT: at least one step and 5 USDT, at most 100x, funding every 8 h."""
    return Instrument(
        symbol=Symbol(symbol),
        tick=Price(Decimal(tick)),
        qty_step=Qty(Decimal(step)),
        min_qty=Qty(Decimal(step)),
        max_market_qty=Qty(Decimal(500)),
        min_notional=Usd(Decimal(5)),
        max_leverage=Fraction(Decimal(100)),
        launched=Instant(0),
        funding_interval_ms=8 * HOUR_MS,
    )


class MemoryVenue(MemoryFeed):
    """Trading and MarketFeed over one account and one market."""

    page = 100  # executions a page

    def __init__(
        self, clock: Clock, instruments: Sequence[Instrument], *, balance: str = "500", market: Instant = Instant(0)
    ) -> None:
        super().__init__(Books(instruments, Usd(Decimal(balance)), market))
        self.facts = KeyFacts(read_only=False, may_withdraw=False)
        self.asked: list[Asked] = []
        self.clock_offset_ms = 0
        self._clock = clock
        self._faults: deque[Fault] = deque()
        self._stale: tuple[VenuePosition, ...] = ()
        self._stale_reads = 0
        self._frames_to_lose = 0
        self._private: list[asyncio.Queue[PrivateEvent]] = []
        self._private_up = True

    # What a test says.

    def set_price(self, symbol: Symbol, price: str, *, at: Instant | None = None) -> None:
        """Move the market to `price` (and to `at`): stops that it reaches trigger, and everybody hears of it."""
        self.books.now = self.books.now if at is None else at
        self.books.move(symbol, Price(Decimal(price)))
        self._tell()
        self.push_price(symbol)

    def pass_market(self, ms: int) -> Instant:
        """Let market time pass and return it."""
        self.books.now = Instant(self.books.now + ms)
        return self.books.now

    def script(self, *faults: Fault) -> None:
        """Let these happen to the next requests that would change something, one each, in order."""
        self._faults.extend(faults)

    def freeze_positions(self, reads: int, *, empty: bool = False) -> None:
        """Answer the next `reads` position reads with what is open now (or was before anything), whatever happens."""
        self._stale, self._stale_reads = () if empty else tuple(self.books.positions()), reads

    def lose_frames(self, count: int) -> None:
        """Drop the next `count` private frames on a healthy connection."""
        self._frames_to_lose = count

    def by_hand(self, symbol: Symbol, action: Action, qty: str, *, stop: str | None = None) -> None:
        """Trade at the venue behind our back, without an order id of ours."""
        protection = None if stop is None else Price(Decimal(stop))
        self.books.execute(OrderRequest(symbol, action, Qty(Decimal(qty)), OrderLinkId(""), False, protection))
        self._tell()

    def strip_stop(self, symbol: Symbol) -> None:
        """Take the stop off a position behind our back."""
        self.books.strip_stop(symbol)
        self._tell()

    def rest(self, request: OrderRequest) -> None:
        """Have a limit order working at the venue, as an entry orphan would be."""
        self.books.rest(request, kind="Limit")
        self._tell()

    def fills(self, link_id: str) -> None:
        """Fill an order that was left working."""
        self.books.fill_working(self.books.links[link_id])
        self._tell()

    def settle_funding(self, symbol: Symbol, rate: str) -> None:
        """Book one funding settlement of the open position: longs pay when `rate` is positive."""
        self.books.settle(symbol, Fraction(Decimal(rate)))
        self._tell()

    def drop_private(self, reason: str = "scripted") -> None:
        self._send(StreamDown(reason))
        self._private_up = False

    def restore_private(self) -> None:
        self._private_up = True
        self._send(StreamUp())

    # What the port promises.

    async def server_time(self) -> Instant:
        self._read()
        return self._clock.now()

    async def market_time(self, *, listed: Symbol | None = None) -> Instant:
        self._read()
        return self.books.now

    async def key_facts(self) -> KeyFacts:
        self._read()
        return self.facts

    async def wallet(self) -> Wallet:
        self._read()
        return self.books.wallet()

    async def positions(self) -> Sequence[VenuePosition]:
        self._read()
        if self._stale_reads:
            self._stale_reads -= 1
            return self._stale
        return self.books.positions()

    async def open_orders(self) -> Sequence[VenueOrder]:
        self._read()
        return self.books.working()

    async def find_order(self, symbol: Symbol, link_id: OrderLinkId) -> VenueOrder | None:
        self._read()
        order_id = self.books.links.get(link_id)
        return None if order_id is None else self.books.orders[order_id]

    async def order_history(self, symbol: Symbol | None, *, since: Instant) -> Sequence[VenueOrder]:
        self._read()
        return [o for o in self.books.orders.values() if o.created_at >= since and symbol in {None, o.symbol}]

    async def executions(
        self, *, since: Instant, cursor: str | None = None, symbol: Symbol | None = None
    ) -> ExecutionPage:
        self._read()
        rows = [e for e in reversed(self.books.executions) if e.at >= since and symbol in {None, e.symbol}]
        begin = int(cursor or 0)
        end = begin + self.page
        return ExecutionPage(tuple(rows[begin:end]), str(end) if end < len(rows) else None)

    async def closed_pnl(self, symbol: Symbol, *, since: Instant) -> Sequence[ClosedPnl]:
        self._read()
        return [row for row in self.books.closed if row.symbol == symbol and row.created_at >= since]

    async def set_leverage(self, symbol: Symbol, leverage: Fraction, stamp: Stamp) -> Outcome:
        def apply() -> Outcome:
            if self.books.leverage_of(symbol) == leverage:
                return outcome_of(110043, "leverage not modified")
            self.books.leverage[symbol] = leverage
            return Accepted("")

        return await self._ask("leverage", symbol, "", stamp, apply)

    async def create_order(self, request: OrderRequest, stamp: Stamp) -> Outcome:
        fault = self._faults[0] if self._faults else None

        def apply() -> Outcome:
            objection = self.books.objection(request)
            if objection:
                return outcome_of(*objection)
            if isinstance(fault, LeftWorking):
                return Accepted(self.books.rest(request).order_id)
            at_most = fault.qty if isinstance(fault, PartlyFilled) else None
            return Accepted(self.books.execute(request, at_most=at_most))

        return await self._ask("create", request.symbol, request.link_id, stamp, apply)

    async def cancel_order(self, symbol: Symbol, link_id: OrderLinkId, stamp: Stamp) -> Outcome:
        def apply() -> Outcome:
            order_id = self.books.links.get(link_id)
            if order_id is None or self.books.orders[order_id].status.is_terminal:
                return outcome_of(110001, "order not exists or too late to cancel")
            self.books.cancel(order_id)
            return Accepted(order_id)

        return await self._ask("cancel", symbol, link_id, stamp, apply)

    async def set_stop(self, symbol: Symbol, stop: Price, stamp: Stamp) -> Outcome:
        def apply() -> Outcome:
            objection = self.books.set_stop(symbol, stop)
            return outcome_of(*objection) if objection else Accepted("")

        return await self._ask("stop", symbol, "", stamp, apply)

    async def private(self) -> AsyncIterator[PrivateEvent]:
        queue: asyncio.Queue[PrivateEvent] = asyncio.Queue()
        self._private.append(queue)
        try:
            if self._private_up:
                yield StreamUp()
            while True:
                yield await queue.get()
        finally:
            self._private.remove(queue)

    # How a request fares on its way.

    async def _ask(
        self, what: str, symbol: Symbol, link_id: str, stamp: Stamp, apply: Callable[[], Outcome]
    ) -> Outcome:
        outcome = await self._fare(self._faults.popleft() if self._faults else None, stamp, apply)
        self.asked.append(Asked(what, symbol, link_id, outcome))
        self._tell()
        return outcome

    async def _fare(self, fault: Fault | None, stamp: Stamp, apply: Callable[[], Outcome]) -> Outcome:
        match fault:
            case LostRequest():
                return Ambiguous("scripted: the request was lost")
            case Answer(code=code, text=text):
                return outcome_of(code, text)
            case LostReply():
                self._in_time(stamp, apply)
                return Ambiguous("scripted: the reply was lost")
            case AnsweredAmiss(code=code, text=text):
                self._in_time(stamp, apply)
                return outcome_of(code, text)
            case Delayed(gate=gate):
                await gate.wait()
                return self._in_time(stamp, apply)
            case PartlyFilled() | LeftWorking() | None:
                return self._in_time(stamp, apply)

    def _in_time(self, stamp: Stamp, apply: Callable[[], Outcome]) -> Outcome:
        now = self._clock.now()
        if now - stamp.recv_window_ms <= stamp.at < now + AHEAD_MS:
            return apply()
        return outcome_of(10002, "invalid request, please check your server timestamp or recv_window param")

    def _tell(self) -> None:
        frames, self.books.frames = self.books.frames, []
        for frame in frames:
            if self._frames_to_lose:
                self._frames_to_lose -= 1
            else:
                self._send(frame)

    def _send(self, event: PrivateEvent) -> None:
        if self._private_up:
            for queue in self._private:
                queue.put_nowait(event)
