"""Fills that nobody told of, inferred from the venue's word on a position.

1. An inferred fill is named after its position alone: however often it is inferred, it is one.
2. The fills that it stands for take its place when they come, be it late: together they are never counted twice.
"""

from dataclasses import replace

from libs.common.contracts.positions import OpenPosition
from libs.common.exchange.trading_types import Action, Execution, ExecutionType, VenuePosition
from libs.common.units import ZERO, Instant, Price, Qty, Symbol, Usd

LAST = 1 << 62  # after everything that the venue numbered in that instant


def opening(venue: VenuePosition, position_id: str) -> Execution:
    """What a position cost as far as the venue still says: its executions are gone."""
    name = f"opening-{position_id}"
    return _inferred(name, venue.symbol, Action.opening(venue.side), venue.qty, venue.entry, venue.created_at, seq=0)


def bridge(held: OpenPosition, qty: Qty, price: Price, at: Instant) -> Execution | None:
    """What brings a position to the `qty` that the venue says; None when it is there already."""
    difference = qty - held.qty
    if difference == 0:
        return None
    grows = difference > 0
    action = Action.opening(held.side) if grows else Action.closing(held.side)
    name = f"bridge-{held.position_id}-{held.version}"
    done = _inferred(name, held.symbol, action, Qty(abs(difference)), price, at, seq=LAST)
    return done if grows else replace(done, closed_qty=done.qty)


def is_late_for(inferred: Execution, done: Execution) -> bool:
    """Whether a fill happened before the venue's word was taken, which therefore contained it."""
    return done.at <= inferred.at


def without(inferred: Execution, late: Execution) -> Execution | None:
    """Return what is still inferred when a fill that it stands for has come; None: nothing."""
    left = _signed(inferred) - _signed(late)
    if left == 0:
        return None
    action = Action.BUY if left > 0 else Action.SELL
    qty = Qty(abs(left))
    closes = (inferred.closed_qty > 0) == (action is inferred.action)
    return replace(inferred, action=action, qty=qty, closed_qty=qty if closes else Qty(ZERO))


def _signed(done: Execution) -> Qty:
    return done.qty if done.action is Action.BUY else Qty(-done.qty)


def _inferred(name: str, symbol: Symbol, action: Action, qty: Qty, price: Price, at: Instant, *, seq: int) -> Execution:
    return Execution(
        exec_id=name,
        symbol=symbol,
        order_id="",
        link_id="",
        kind=ExecutionType.TRADE,
        action=action,
        qty=qty,
        price=price,
        fee=Usd(ZERO),
        closed_qty=Qty(ZERO),
        create_type="",
        stop_order_type="",
        at=at,
        seq=seq,
    )
