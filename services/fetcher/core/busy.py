"""Symbols that must not be without prices: those with an open position, and those that are being entered.

1. A snapshot of the positions is the truth about them; events between two snapshots move it on.
2. An entry counts from when it is submitted until it is known how it ended; what it filled is a position.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from libs.common.contracts.orders import OrderCancelled, OrderFilled, OrderMessage, OrderRefused
from libs.common.ids import ENTRY
from libs.common.units import HOUR_MS, Instant, Symbol

REMEMBERED_MS: Final = HOUR_MS  # market: an entry takes seconds; of what is older the end was missed


@dataclass(slots=True)
class Busy:
    held: frozenset[Symbol] = frozenset()
    _entering: dict[str, tuple[Symbol, Instant]] = field(default_factory=dict)  # by order id, with its market time

    @property
    def symbols(self) -> frozenset[Symbol]:
        return self.held | {symbol for symbol, _ in self._entering.values()}

    def holds(self, symbols: Iterable[Symbol]) -> None:
        """These are all the symbols with a position."""
        self.held = frozenset(symbols)

    def opened(self, symbol: Symbol) -> None:
        self.held |= {symbol}

    def closed(self, symbol: Symbol) -> None:
        self.held -= {symbol}

    def ordered(self, order: OrderMessage) -> None:
        """Follow an entry from its submission to its end; other orders belong to positions."""
        if order.purpose != ENTRY:
            return
        old = order.at - REMEMBERED_MS
        self._entering = {link: entry for link, entry in self._entering.items() if entry[1] > old}
        if not isinstance(order, OrderFilled | OrderCancelled | OrderRefused):
            self._entering[order.link_id] = (order.symbol, order.at)
            return
        self._entering.pop(order.link_id, None)
        if order.filled:  # its position is told of in a moment
            self.opened(order.symbol)
