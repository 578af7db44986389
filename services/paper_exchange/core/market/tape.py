"""Candles of one length, and the units that their whole numbers stand for."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from libs.common.units import Instant, Price, Qty
from services.paper_exchange.core.market.columns import Columns


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

    @property
    def end(self) -> Instant:
        return Instant(self.first + self.count * self.interval_ms)

    def read(self, begin: int, end: int) -> Columns:
        return self.columns.slice(begin, end)

    def part(self, begin: int, end: int) -> "Recorded":
        """Candles begin..end-1 as a tape of their own."""
        first = Instant(self.first + begin * self.interval_ms)
        return Recorded(first, self.interval_ms, self.columns.slice(begin, end))


@dataclass(frozen=True, slots=True)
class Later:
    """A tape that is played `by_ms` after it was recorded."""

    tape: Tape
    by_ms: int

    @property
    def first(self) -> Instant:
        return Instant(self.tape.first + self.by_ms)

    @property
    def interval_ms(self) -> int:
        return self.tape.interval_ms

    @property
    def count(self) -> int | None:
        return self.tape.count

    def read(self, begin: int, end: int) -> Columns:
        return self.tape.read(begin, end)


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


PREMIUM_SCALE: Final = Scale(Decimal("1E-8"), Decimal(1))  # see ticks.PREMIUM_UNITS
