"""A symbol's finest candles, and the units that their whole numbers stand for."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from libs.common.units import Instant, Price, Qty
from services.paper_exchange.core.columns import Columns


class Tape(Protocol):
    """Candle `i` opens at `first + i × interval_ms`; there are no gaps."""

    @property
    def first(self) -> Instant: ...

    @property
    def interval_ms(self) -> int: ...

    @property
    def count(self) -> int | None:
        """How many candles there are; None: for ever."""
        ...

    def read(self, begin: int, end: int) -> Columns:
        """Candles begin..end-1, all of which exist; end >= begin."""
        ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """A tape that is wholly in memory."""

    first: Instant
    interval_ms: int
    columns: Columns

    @property
    def count(self) -> int:
        return len(self.columns)

    def read(self, begin: int, end: int) -> Columns:
        return self.columns.slice(begin, end)


@dataclass(frozen=True, slots=True)
class Scale:
    """What one unit of a tape's prices (`tick`) and volumes (`quantum`) is worth."""

    tick: Decimal
    quantum: Decimal

    def price(self, ticks: int) -> Price:
        return Price(ticks * self.tick)

    def qty(self, quanta: int) -> Qty:
        return Qty(quanta * self.quantum)

    def turnover(self, quarters: int) -> Decimal:
        return quarters * self.tick * self.quantum / 4
