"""What resting orders hold of the wallet, should they fill and open.

1. An order holds its initial margin and the fees to open and to close it, as taker: filled, it costs no more.
2. Buys and sells of one position cannot both come true: the dearer side counts, after what would only close it.
3. The legs of a hedge are two positions, each with its own orders: their margins add up.

Reduce-only orders and conditional ones that wait for their trigger hold nothing: leave them out.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from libs.common.units import ZERO, Fraction, Price, Qty, Side, Usd


class Resting(NamedTuple):
    """The part of an order that has not filled; `side` is the one that it opens: a buy opens a long."""

    side: Side
    qty: Qty
    price: Price


class Queue:
    """The resting orders of one position: each side in the order in which it would fill, and its value, exact.

    Kept as orders come and go, so that what they hold is known without looking at each of them.
    """

    def __init__(self, orders: Iterable[Resting] = ()) -> None:
        self._lines: dict[Side, list[tuple[Decimal, Qty]]] = {Side.LONG: [], Side.SHORT: []}
        self._values: dict[Side, Decimal] = {Side.LONG: ZERO, Side.SHORT: ZERO}
        for order in orders:
            self.add(order)

    def __len__(self) -> int:
        return len(self._lines[Side.LONG]) + len(self._lines[Side.SHORT])

    def copy(self) -> "Queue":
        copied = Queue()
        copied._lines = {side: line.copy() for side, line in self._lines.items()}
        copied._values = self._values.copy()
        return copied

    def add(self, order: Resting) -> None:
        insort(self._lines[order.side], _place(order))
        self._values[order.side] += order.qty * order.price

    def drop(self, order: Resting) -> None:
        """Take out an order that is in it."""
        line, place = self._lines[order.side], _place(order)
        found = bisect_left(line, place)
        if line[found : found + 1] != [place]:
            raise KeyError(order)
        del line[found]
        self._values[order.side] -= order.qty * order.price

    def opening(self, side: Side, held: Decimal) -> Usd:
        """Return the value of what would open a position of `side` when the first to fill have closed the other one.

        held: the size of the position, negative when short.
        """
        value, closing = self._values[side], -side.sign * held
        if closing > ZERO:
            for rank, qty in self._lines[side]:
                used = min(closing, qty)
                value -= used * abs(rank)
                closing -= used
                if not closing:
                    break
        return Usd(value)


def order_cost(side: Side, value: Usd, leverage: Fraction, taker: Decimal) -> Usd:
    """Return what filling orders of `value` takes of the available balance, in USDT."""
    bankrupt = value - side.sign * (value / leverage)
    return Usd(value / leverage + (value + bankrupt) * taker)


def order_margin(orders: Queue, held: Decimal, leverage: Fraction, taker: Decimal) -> Usd:
    """Return the margin of the resting orders of one position, in USDT; `held` is its size, negative when short."""
    return max(order_cost(side, orders.opening(side, held), leverage, taker) for side in Side)


def opening_value(orders: Queue, held: Decimal) -> Usd:
    """Return the most that the resting orders could add to the position's value, in USDT."""
    return max(orders.opening(side, held) for side in Side)


def _place(order: Resting) -> tuple[Decimal, Qty]:
    """Sorts the orders of a side: the nearest to the market first."""
    return -order.side.sign * order.price, order.qty
