"""The open orders, sorted for every question: by symbol, by the position that they guard, by what they would open.

Everything else is a function of the orders themselves, kept as they come and go, so that no question looks at all.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from libs.common.units import Symbol
from services.paper_exchange.core.books.leg import Key
from services.paper_exchange.core.books.order import Order
from services.paper_exchange.core.books.position import side_of
from services.paper_exchange.core.margin.order_margin import Queue, Resting

_NONE: Final[Mapping[str, Order]] = MappingProxyType({})
_NOBODY: Final = Queue()


class Shelves:
    """Orders are put in the order of their numbers."""

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self._shelves: dict[Symbol, dict[str, Order]] = {}
        self._guards: dict[Key, dict[str, Order]] = {}
        self._queues: dict[Key, Queue] = {}
        for order in orders:
            self.put(order)

    def put(self, order: Order) -> None:
        """Keep `order` as it is now; a terminal one leaves."""
        shelf = self._shelves.setdefault(order.symbol, {})
        self._queue(order.key, resting(shelf.get(order.order_id)), resting(order))
        _sort(shelf, order)
        if order.guards:
            _sort(self._guards.setdefault(order.key, {}), order)

    def of(self, symbol: Symbol) -> Mapping[str, Order]:
        """A symbol's orders by id, oldest first."""
        return self._shelves.get(symbol, _NONE)

    def all(self) -> list[Order]:
        """Every order, oldest first."""
        return sorted((order for shelf in self._shelves.values() for order in shelf.values()), key=lambda o: o.seq)

    def guards(self, key: Key) -> list[Order]:
        """What waits to close a position, oldest first."""
        return list(self._guards.get(key, _NONE).values())

    def queue(self, key: Key) -> Queue:
        """What rests and would open a position; to be looked at only."""
        return self._queues.get(key, _NOBODY)

    def _queue(self, key: Key, was: Resting | None, now: Resting | None) -> None:
        if was == now:
            return
        queue = self._queues.setdefault(key, Queue())
        if was is not None:
            queue.drop(was)
        if now is not None:
            queue.add(now)
        if not queue:
            del self._queues[key]


def resting(order: Order | None) -> Resting | None:
    """What of an order holds margin: it rests and may open. None: nothing."""
    if order is None or order.price is None or order.status.is_terminal or order.waits or order.reduces:
        return None
    return Resting(side_of(order.action), order.leaves, order.price)


def _sort(shelf: dict[str, Order], order: Order) -> None:
    if order.status.is_terminal:
        shelf.pop(order.order_id, None)
    else:
        shelf[order.order_id] = order
