"""The ports to a venue: `MarketFeed` (public, no keys) and `Trading` (private, one hand on the money).

Money and quantities come from the venue's own strings. Outcomes of a request that changes something are values,
from one table of codes (outcomes.py): only reads raise (Transient, Unknown, Refused).
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from libs.common.exchange.market_types import Candle, FeedEvent, Instrument, Ticker
from libs.common.exchange.trading_types import (
    ClosedPnl,
    Execution,
    ExecutionPage,
    KeyFacts,
    OrderRequest,
    Outcome,
    PrivateEvent,
    Stamp,
    VenueOrder,
    VenuePosition,
    Wallet,
)
from libs.common.ids import OrderLinkId
from libs.common.units import Fraction, Instant, Price, Symbol, Timeframe

__all__ = ["ClosedPnl", "Execution", "MarketFeed", "Trading"]


class MarketFeed(Protocol):
    async def instruments(self) -> Sequence[Instrument]:
        """Every linear USDT perpetual that is trading."""
        ...

    async def tickers(self) -> Sequence[Ticker]: ...

    async def market_now(self, symbol: Symbol) -> Instant:
        """The moment that the market of a listed symbol shows."""
        ...

    async def candles(
        self, symbol: Symbol, timeframe: Timeframe, *, start: Instant | None, limit: int
    ) -> Sequence[Candle]:
        """Up to `limit` (at most 1000) candles from `start`, or the newest ones; oldest first.

        The last may be forming: REST does not say (Candle.closed is None).
        """
        ...

    def live(self, symbols: Sequence[Symbol], timeframes: Sequence[Timeframe]) -> AsyncIterator[FeedEvent]:
        """Yield closed candles, prices, `FeedUp` after every (re)connect and `FeedDown`, in the order of the frames.

        Never ends by itself: reconnects with back-off for ever.
        """
        ...

    async def close(self) -> None: ...


class Trading(Protocol):
    """One account, linear USDT perpetuals, one-way mode. Every read returns what the venue says now."""

    async def server_time(self) -> Instant:
        """The venue's wall clock."""
        ...

    async def market_time(self, *, listed: Symbol | None = None) -> Instant:
        """The market's own time: now, or in a replay the moment that the data is at.

        listed: a symbol that was listed lately, which spares asking for the list.
        """
        ...

    async def key_facts(self) -> KeyFacts: ...

    async def instruments(self) -> Sequence[Instrument]: ...

    async def wallet(self) -> Wallet: ...

    async def positions(self) -> Sequence[VenuePosition]:
        """All open positions (size > 0), every page."""
        ...

    async def open_orders(self) -> Sequence[VenueOrder]:
        """All working orders, conditional and stop orders too, every page."""
        ...

    async def find_order(self, symbol: Symbol, link_id: OrderLinkId) -> VenueOrder | None:
        """Look in realtime, then history; None only when both answered and neither has it."""
        ...

    async def order_history(self, symbol: Symbol | None, *, since: Instant) -> Sequence[VenueOrder]:
        """Every order created at or after `since` (market time), any state, oldest first."""
        ...

    async def executions(
        self, *, since: Instant, cursor: str | None = None, symbol: Symbol | None = None
    ) -> ExecutionPage:
        """One page of executions of every type from `since` (market time) on; the venue lists newest first."""
        ...

    async def closed_pnl(self, symbol: Symbol, *, since: Instant) -> Sequence[ClosedPnl]: ...

    async def set_leverage(self, symbol: Symbol, leverage: Fraction, stamp: Stamp) -> Outcome: ...

    async def create_order(self, request: OrderRequest, stamp: Stamp) -> Outcome:
        """Ask once; no retry of any kind happens below this call."""
        ...

    async def cancel_order(self, symbol: Symbol, link_id: OrderLinkId, stamp: Stamp) -> Outcome: ...

    async def set_stop(self, symbol: Symbol, stop: Price, stamp: Stamp) -> Outcome:
        """Edit the position-level (Full) stop loss in place."""
        ...

    def private(self) -> AsyncIterator[PrivateEvent]:
        """Yield order, execution, position and wallet frames, `StreamUp` after every (re)connect and `StreamDown`."""
        ...

    async def close(self) -> None: ...
