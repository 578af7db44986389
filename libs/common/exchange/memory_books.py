"""The account of the in-memory venue: orders, fills, positions and money, moved by prices that a test sets.

Pure and deterministic: ids are counters, time is the market time that the test set. What would be pushed on the
private stream is collected in `frames`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import (
    Action,
    ClosedPnl,
    Execution,
    ExecutionFrame,
    ExecutionType,
    OrderFrame,
    OrderRequest,
    OrderStatus,
    PositionFrame,
    PrivateEvent,
    VenueOrder,
    VenuePosition,
    Wallet,
    WalletFrame,
)
from libs.common.ids import OrderLinkId
from libs.common.units import ZERO, Fraction, Instant, Price, Qty, Side, Symbol, Usd

TAKER_FEE: Final = Decimal("0.00055")
_NO_LINK: Final = OrderLinkId("")


@dataclass(frozen=True, slots=True)
class Holding:
    """An open position; `costs` are the opening fees and funding that its closed PnL will bear."""

    side: Side
    qty: Qty
    entry: Price
    stop: Price | None
    stop_id: str
    costs: Decimal
    created_at: Instant


class Books:
    """Everything the venue knows of one account, one-way mode."""

    def __init__(self, instruments: Sequence[Instrument], balance: Usd, now: Instant) -> None:
        self.now = now
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.balance = balance
        self.prices: dict[Symbol, Price] = {}
        self.leverage: dict[Symbol, Fraction] = {}
        self.orders: dict[str, VenueOrder] = {}  # by order id, oldest first
        self.links: dict[str, str] = {}  # link id -> order id, for ever
        self.executions: list[Execution] = []  # oldest first
        self.closed: list[ClosedPnl] = []
        self.holdings: dict[Symbol, Holding] = {}
        self._stops: dict[str, Price] = {}  # order id -> the stop that its fill will bring along
        self.frames: list[PrivateEvent] = []
        self._count = 0

    def objection(self, request: OrderRequest) -> tuple[int, str] | None:
        """Return why the venue would refuse this order, or None."""
        instrument, price = self.instruments.get(request.symbol), self.prices.get(request.symbol)
        if instrument is None or price is None:
            return 10001, "Not supported symbols"
        if request.link_id and request.link_id in self.links:
            return 110072, "OrderLinkedID is duplicate"
        if request.qty < instrument.min_qty or request.qty % instrument.qty_step:
            return 10001, "Qty invalid"
        if request.reduce_only:
            return self._nothing_to_reduce(request)
        if request.qty * price < instrument.min_notional:
            return 110094, "Order does not meet minimum order value"
        if request.stop_loss and not _is_behind(request.stop_loss, price, _side_of(request.action)):
            return 10001, "StopLoss is on the wrong side of the market"
        if request.qty * price / self.leverage_of(request.symbol) > self.wallet().available:
            return 110007, "ab not enough for new order"
        return None

    def execute(
        self,
        request: OrderRequest,
        *,
        at_most: Qty | None = None,
        create_type: str = "CreateByUser",
        trigger: Price | None = None,
    ) -> str:
        """Fill a market order at the set price, `at_most` of it (the rest is cancelled); return its id."""
        order = self.rest(request, create_type=create_type, trigger=trigger)
        qty = min(request.qty, at_most) if at_most is not None else request.qty
        held = self.holdings.get(request.symbol)
        if request.reduce_only and held:
            qty = min(qty, held.qty)
        self._fill(order, qty, request.stop_loss)
        return order.order_id

    def rest(
        self,
        request: OrderRequest,
        *,
        create_type: str = "CreateByUser",
        kind: str = "Market",
        trigger: Price | None = None,
    ) -> VenueOrder:
        """Take an order into the books without a fill."""
        order = VenueOrder(
            symbol=request.symbol,
            order_id=self._next("order"),
            link_id=request.link_id,
            action=request.action,
            status=OrderStatus.NEW,
            order_type=kind,
            stop_order_type="StopLoss" if create_type == "CreateByStopLoss" else "",
            create_type=create_type,
            qty=request.qty,
            filled=Qty(ZERO),
            average=None,
            trigger=trigger,
            reduce_only=request.reduce_only,
            reject_reason="",
            created_at=self.now,
            updated_at=self.now,
            stop_loss=request.stop_loss,
        )
        if request.link_id:
            self.links[request.link_id] = order.order_id
        if request.stop_loss is not None:
            self._stops[order.order_id] = request.stop_loss
        return self._keep(order)

    def fill_working(self, order_id: str) -> None:
        """Fill the whole of a working order at the set price."""
        order = self.orders[order_id]
        self._fill(order, order.qty, self._stops.get(order_id))

    def cancel(self, order_id: str) -> None:
        self._keep(replace(self.orders[order_id], status=OrderStatus.CANCELLED, updated_at=self.now))

    def set_stop(self, symbol: Symbol, stop: Price) -> tuple[int, str] | None:
        """Edit the position's stop in place; return the venue's objection, or None."""
        held = self.holdings.get(symbol)
        if held is None:
            return 10001, "can not set tp/sl/ts for zero position"
        if not _is_behind(stop, self.prices[symbol], held.side):
            return 10001, "StopLoss is on the wrong side of the market"
        if stop == held.stop:
            return 34040, "not modified"
        self._hold(symbol, replace(held, stop=stop))
        return None

    def strip_stop(self, symbol: Symbol) -> None:
        self._hold(symbol, replace(self.holdings[symbol], stop=None))

    def move(self, symbol: Symbol, price: Price) -> None:
        """Set the price; a stop that it reaches closes its position at this very price."""
        self.prices[symbol] = price
        held = self.holdings.get(symbol)
        if held is None or held.stop is None or _is_behind(held.stop, price, held.side):
            return
        action = Action.closing(held.side)
        request = OrderRequest(symbol, action, held.qty, _NO_LINK, reduce_only=True, stop_loss=None)
        self.execute(request, create_type="CreateByStopLoss", trigger=held.stop)

    def settle(self, symbol: Symbol, rate: Fraction) -> None:
        """Book one funding settlement: longs pay when `rate` is positive."""
        held = self.holdings[symbol]
        fee = Usd(held.side.sign * held.qty * self.prices[symbol] * rate)
        self.balance = Usd(self.balance - fee)
        self.holdings[symbol] = replace(held, costs=held.costs + fee)
        self._execution(
            None, symbol, ExecutionType.FUNDING, Action.opening(held.side), held.qty, fee=fee, closed=Qty(ZERO)
        )

    def leverage_of(self, symbol: Symbol) -> Fraction:
        return self.leverage.get(symbol, Fraction(Decimal(10)))

    def wallet(self) -> Wallet:
        positions = self.positions()
        equity = Usd(self.balance + sum((p.unrealised for p in positions), ZERO))
        margin = Usd(sum((p.margin for p in positions), ZERO))
        return Wallet(self.balance, equity, Usd(equity - margin), margin, Usd(ZERO))

    def positions(self) -> list[VenuePosition]:
        return [self._position(symbol, held) for symbol, held in sorted(self.holdings.items())]

    def working(self) -> list[VenueOrder]:
        """Open orders, the stops of positions among them."""
        resting = [order for order in self.orders.values() if not order.status.is_terminal]
        return resting + [self._stop_order(s, h) for s, h in sorted(self.holdings.items()) if h.stop is not None]

    def _nothing_to_reduce(self, request: OrderRequest) -> tuple[int, str] | None:
        held = self.holdings.get(request.symbol)
        if held is None:
            return 110017, "current position is zero, cannot fix reduce-only order qty"
        if request.action is not Action.closing(held.side):
            return 110017, "Reduce-only rule not satisfied"
        return None

    def _fill(self, order: VenueOrder, qty: Qty, stop: Price | None) -> None:
        price, held = self.prices[order.symbol], self.holdings.get(order.symbol)
        closes = held is not None and order.action is Action.closing(held.side)
        closed = Qty(min(qty, held.qty)) if held and closes else Qty(ZERO)
        fee = Usd(qty * price * TAKER_FEE)
        self.balance = Usd(self.balance - fee)
        status = OrderStatus.FILLED if qty == order.qty or order.reduce_only else OrderStatus.CANCELLED
        order = self._keep(
            replace(order, status=status, filled=qty, average=price if qty else None, updated_at=self.now)
        )
        if qty:
            self._execution(order, order.symbol, ExecutionType.TRADE, order.action, qty, fee=fee, closed=closed)
        if held and closed:
            held = self._reduce(order, held, closed, Usd(fee * closed / qty))
        if qty > closed:
            self._grow(order, held, Qty(qty - closed), stop)
        self.frames.append(WalletFrame(self.wallet(), self.now))

    def _reduce(self, order: VenueOrder, held: Holding, closed: Qty, fee: Usd) -> Holding | None:
        price = self.prices[order.symbol]
        gross = held.side.sign * (price - held.entry) * closed
        costs = held.costs * closed / held.qty
        self.balance = Usd(self.balance + gross)
        pnl = Usd(gross - costs - fee)
        self.closed.append(ClosedPnl(order.symbol, order.order_id, closed, held.entry, price, pnl, self.now))
        if closed == held.qty:
            self._hold(order.symbol, None)
            return None
        rest = replace(held, qty=Qty(held.qty - closed), costs=held.costs - costs)
        self._hold(order.symbol, rest)
        return rest

    def _grow(self, order: VenueOrder, held: Holding | None, qty: Qty, stop: Price | None) -> None:
        price = self.prices[order.symbol]
        fee = qty * price * TAKER_FEE
        if held is None:
            side = _side_of(order.action)
            grown = Holding(side, qty, price, stop, self._next("stop"), fee, self.now)
        else:
            total = Qty(held.qty + qty)
            entry = Price((held.entry * held.qty + price * qty) / total)
            grown = replace(held, qty=total, entry=entry, stop=stop or held.stop, costs=held.costs + fee)
        self._hold(order.symbol, grown)

    def _hold(self, symbol: Symbol, held: Holding | None) -> None:
        if held is None:
            del self.holdings[symbol]
        else:
            self.holdings[symbol] = held
        self.frames.append(PositionFrame(symbol, self._position(symbol, held) if held else None, self.now))

    def _keep(self, order: VenueOrder) -> VenueOrder:
        self.orders[order.order_id] = order
        self.frames.append(OrderFrame(order, self.now))
        return order

    def _execution(
        self,
        order: VenueOrder | None,
        symbol: Symbol,
        kind: ExecutionType,
        action: Action,
        qty: Qty,
        *,
        fee: Usd,
        closed: Qty,
    ) -> None:
        execution = Execution(
            exec_id=self._next("exec"),
            symbol=symbol,
            order_id=order.order_id if order else "",
            link_id=order.link_id if order else "",
            kind=kind,
            action=action,
            qty=qty,
            price=self.prices[symbol],
            fee=fee,
            closed_qty=closed,
            create_type=order.create_type if order else "",
            stop_order_type=order.stop_order_type if order else "",
            at=self.now,
            seq=self._count,
        )
        self.executions.append(execution)
        self.frames.append(ExecutionFrame(execution, self.now))

    def _position(self, symbol: Symbol, held: Holding) -> VenuePosition:
        mark, leverage = self.prices[symbol], self.leverage_of(symbol)
        return VenuePosition(
            symbol=symbol,
            side=held.side,
            qty=held.qty,
            entry=held.entry,
            mark=mark,
            stop=held.stop,
            leverage=leverage,
            margin=Usd(held.qty * held.entry / leverage),
            liquidation=Price(held.entry * (1 - held.side.sign * (1 / leverage - Decimal("0.005")))),
            unrealised=Usd(held.side.sign * (mark - held.entry) * held.qty),
            hedge_index=0,
            created_at=held.created_at,
            updated_at=self.now,
        )

    def _stop_order(self, symbol: Symbol, held: Holding) -> VenueOrder:
        return VenueOrder(
            symbol=symbol,
            order_id=held.stop_id,
            link_id="",
            action=Action.closing(held.side),
            status=OrderStatus.UNTRIGGERED,
            order_type="Market",
            stop_order_type="StopLoss",
            create_type="CreateByStopLoss",
            qty=held.qty,
            filled=Qty(ZERO),
            average=None,
            trigger=held.stop,
            reduce_only=True,
            reject_reason="",
            created_at=held.created_at,
            updated_at=self.now,
        )

    def _next(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"


def _side_of(action: Action) -> Side:
    return Side.LONG if action is Action.BUY else Side.SHORT


def _is_behind(stop: Price, price: Price, side: Side) -> bool:
    return stop < price if side is Side.LONG else stop > price
