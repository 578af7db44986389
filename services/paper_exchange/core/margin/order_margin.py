"""What resting orders hold of the wallet, should they fill and open.

1. An order holds its initial margin and the fees to open and to close it, as taker: filled, it costs no more.
2. Buys and sells of one position cannot both come true: the dearer side counts, after what would only close it.
3. The legs of a hedge are two positions, each with its own orders: their margins add up.

Reduce-only orders and conditional ones that wait for their trigger hold nothing: leave them out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from libs.common.units import ZERO, Fraction, Price, Qty, Side, Usd


@dataclass(frozen=True, slots=True)
class Resting:
    """The part of an order that has not filled; `side` is the one that it opens: a buy opens a long."""

    side: Side
    qty: Qty
    price: Price


def order_cost(order: Resting, leverage: Fraction, taker: Decimal) -> Usd:
    """Return what filling all of `order` takes of the available balance, in USDT."""
    value = order.qty * order.price
    bankrupt = value - order.side.sign * (value / leverage)
    return Usd(value / leverage + (value + bankrupt) * taker)


def order_margin(orders: Iterable[Resting], held: Decimal, leverage: Fraction, taker: Decimal) -> Usd:
    """Return the margin of the resting orders of one position, in USDT; `held` is its size, negative when short."""
    return max(_cost(side, leverage, taker) for side in _both_sides(orders, held))


def opening_value(orders: Iterable[Resting], held: Decimal) -> Usd:
    """Return the most that the resting orders could add to the position's value, in USDT."""
    return Usd(max(sum((o.qty * o.price for o in side), ZERO) for side in _both_sides(orders, held)))


def _both_sides(orders: Iterable[Resting], held: Decimal) -> tuple[list[Resting], list[Resting]]:
    resting = list(orders)
    longs = _opening(resting, Side.LONG, closing=max(-held, ZERO))
    return longs, _opening(resting, Side.SHORT, closing=max(held, ZERO))


def _cost(orders: Iterable[Resting], leverage: Fraction, taker: Decimal) -> Usd:
    return Usd(sum((order_cost(order, leverage, taker) for order in orders), ZERO))


def _opening(orders: Iterable[Resting], side: Side, closing: Decimal) -> list[Resting]:
    """Return what of `orders` is left to open a position of `side` when the first to fill have closed the other one."""
    left = []
    for order in sorted((o for o in orders if o.side is side), key=lambda o: -side.sign * o.price):
        used = min(closing, order.qty)
        closing -= used
        if order.qty > used:
            left.append(replace(order, qty=Qty(order.qty - used)))
    return left
