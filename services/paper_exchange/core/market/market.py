"""What an exchange needs to know of its market, whatever the market is made of.

1. A market is a pure function of its data (or seed) and market time: asking twice answers the same.
2. `path` never leaves the candle it lies in: its highest and lowest ticks are the candle's high and low, its first
   and last the open and close.
3. Nothing after `now` can be seen.
4. The ticks are the trades: bars of every length, public trades and the mark price are all made of the one path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Price, Qty, Symbol


@dataclass(frozen=True, slots=True)
class Tick:
    """The market at a moment: orders are judged at every tick, in order.

    price: of the last trade. mark: what margins and, on request, triggers go by. volume: base units traded at `price`.
    """

    at: Instant
    symbol: Symbol
    price: Price
    mark: Price
    volume: Qty


@dataclass(frozen=True, slots=True)
class Trade:
    """A public trade. `number` counts the trades of a symbol upwards, with gaps; `trade_id` is a UUID made of it."""

    at: Instant
    symbol: Symbol
    price: Price
    qty: Qty
    taker: Action
    number: int
    trade_id: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A candle of any length; `closed` is False for the one that `now` lies in."""

    open_at: Instant
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Qty
    turnover: Decimal
    closed: bool


@dataclass(frozen=True, slots=True)
class Settlement:
    """A funding settlement: longs pay `rate` of their value when it is positive."""

    at: Instant
    symbol: Symbol
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Day:
    """What a symbol did in the last 24 hours; less where it is listed for less."""

    open: Price  # 24 h ago, or at the listing
    hour_open: Price  # 1 h ago, or at the listing
    high: Price
    low: Price
    volume: Qty
    turnover: Decimal


class Market(Protocol):
    """A deterministic world of prices between `start` and `end` (None: for ever), with history before `start`."""

    @property
    def start(self) -> Instant: ...

    @property
    def end(self) -> Instant | None: ...

    @property
    def instruments(self) -> Sequence[Instrument]:
        """Everything that is ever listed, sorted by symbol; listed at a moment if `launched` <= it."""
        ...

    def path(self, after: Instant, until: Instant) -> Sequence[Tick]:
        """Every tick of every symbol in (after, until], sorted by time, then symbol."""
        ...

    def price(self, symbol: Symbol, now: Instant) -> Price | None:
        """The newest tick's price at or before `now`; None before the listing."""
        ...

    def mark(self, symbol: Symbol, now: Instant) -> Price | None:
        """The mark price at `now`; None before the listing."""
        ...

    def bars(
        self,
        symbol: Symbol,
        interval_ms: int,
        *,
        start: Instant | None,
        end: Instant | None,
        limit: int,
        now: Instant,
    ) -> Sequence[Bar]:
        """At most `limit` bars of the last price, aligned to UTC, oldest first, the forming one included.

        `interval_ms` is a multiple of a minute; columns.WEEK_MS begins on Mondays, columns.MONTH_MS stands for calendar
        months. With `start` the window begins there; without it, the newest. A bar begins with its first tick, so at
        its very opening time it is not yet there.
        """
        ...

    def marks(
        self,
        symbol: Symbol,
        interval_ms: int,
        *,
        start: Instant | None,
        end: Instant | None,
        limit: int,
        now: Instant,
    ) -> Sequence[Bar]:
        """Like `bars`, of the mark price, without volume. The index is the mark: there is no other venue to ask."""
        ...

    def premiums(
        self,
        symbol: Symbol,
        interval_ms: int,
        *,
        start: Instant | None,
        end: Instant | None,
        limit: int,
        now: Instant,
    ) -> Sequence[Bar]:
        """Like `bars`, of how far the last price is above the mark, as a fraction of the mark, to eight decimals."""
        ...

    def trades(self, symbol: Symbol, *, after: Instant | None, now: Instant, limit: int) -> Sequence[Trade]:
        """At most `limit` of the newest public trades in (after, now], oldest first; without `after`, however old."""
        ...

    def delisting(self, symbol: Symbol) -> Instant | None:
        """When the symbol is no longer traded though others are; None if it stays as long as the market does."""
        ...

    def settlements(self, after: Instant, until: Instant, of: Symbol | None = None) -> Sequence[Settlement]:
        """Funding settlements of a symbol, or of all, in (after, until], sorted by time, then symbol."""
        ...

    def funding_rate(self, symbol: Symbol, now: Instant) -> Decimal:
        """The rate that the next settlement will use, as known now."""
        ...

    def next_settlement(self, symbol: Symbol, now: Instant) -> Instant:
        """When funding settles next: the first moment after `now`."""
        ...

    def day(self, symbol: Symbol, now: Instant) -> Day | None:
        """The 24 hours before the quarter hour of `now`, and what came since; None before the first tick."""
        ...
