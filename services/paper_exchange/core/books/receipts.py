"""Writes down what happened: one receipt a fill, a funding settlement, and a part of a position that closed."""

from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b

from libs.common.exchange.trading_types import Action, ExecutionType
from libs.common.units import ZERO, Price, Qty, Usd
from services.paper_exchange.core.books.changes import ClosedPart, Execution, Moment
from services.paper_exchange.core.books.order import Creator, Kind, Order, StopKind
from services.paper_exchange.core.books.position import Position, Settled


def venue_id(seed: int, kind: str, number: int) -> str:
    """Return a UUID that is a function of the seed and a counter, the same in every run."""
    text = blake2b(f"{seed}|{kind}|{number}".encode(), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Number and id of the next execution."""

    number: int
    exec_id: str


def fill_receipt(
    ticket: Ticket,
    order: Order,
    settled: Settled,
    moment: Moment,
    *,
    qty: Qty,
    price: Price,
    fee: Usd,
    rate: Decimal,
    mark: Price,
    maker: bool,
    kind: ExecutionType,
) -> Execution:
    """Return the receipt of a fill of `order` (as it is after it)."""
    return Execution(
        seq=ticket.number,
        exec_id=ticket.exec_id,
        order_id=order.order_id,
        link_id=order.link_id,
        symbol=order.symbol,
        action=order.action,
        qty=qty,
        price=price,
        fee=fee,
        rate=rate,
        kind=kind,
        gross=settled.gross,
        closed=settled.closed,
        maker=maker,
        order_price=order.price or price,
        order_qty=order.qty,
        leaves=order.leaves,
        leg=order.leg,
        order_kind=order.kind,
        stop_kind=order.stop_kind,
        creator=order.creator,
        mark=mark,
        at=moment.market,
        wall=moment.wall,
    )


def funding_receipt(
    ticket: Ticket, order_id: str, position: Position, amount: Usd, rate: Decimal, mark: Price, moment: Moment
) -> Execution:
    """Return the receipt of a settlement: `amount` > 0 was paid."""
    return Execution(
        seq=ticket.number,
        exec_id=ticket.exec_id,
        order_id=order_id,
        link_id="",
        symbol=position.symbol,
        action=Action.BUY if position.side is None else Action.opening(position.side),
        qty=position.size,
        price=mark,
        fee=amount,
        rate=rate,
        kind=ExecutionType.FUNDING,
        gross=Usd(ZERO),
        closed=Qty(ZERO),
        maker=False,
        order_price=Price(ZERO),
        order_qty=Qty(ZERO),
        leaves=Qty(ZERO),
        leg=position.leg,
        order_kind=None,
        stop_kind=StopKind.NONE,
        creator=Creator.USER,
        mark=mark,
        at=moment.market,
        wall=moment.wall,
    )


def closed_part(execution: Execution, settled: Settled) -> ClosedPart:
    """Return what the closing part of a fill earned, net of its fees and funding from entry to exit."""
    earned = settled.gross - settled.entry_fees - settled.exit_fees - settled.funding
    return ClosedPart(
        seq=execution.seq,
        symbol=execution.symbol,
        leg=execution.leg,
        order_id=execution.order_id,
        action=execution.action,
        order_kind=execution.order_kind or Kind.MARKET,
        kind=execution.kind,
        order_qty=execution.order_qty,
        order_price=execution.order_price,
        closed=settled.closed,
        entry_value=settled.released,
        exit_value=Usd(settled.closed * execution.price),
        pnl=Usd(earned),
        entry_fees=settled.entry_fees,
        exit_fees=settled.exit_fees,
        leverage=settled.position.leverage,
        at=execution.at,
    )
