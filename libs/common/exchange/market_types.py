"""What a market feed says, in our units.

What comes a thousand times a second, or a million times at a start, is a NamedTuple: it is made in a third of the time
that a frozen dataclass takes.
"""

from dataclasses import dataclass
from typing import NamedTuple

from libs.common.units import Fraction, Instant, Price, Qty, Symbol, Timeframe, Usd


@dataclass(frozen=True, slots=True)
class Instrument:
    symbol: Symbol
    tick: Price
    qty_step: Qty
    min_qty: Qty
    max_market_qty: Qty
    min_notional: Usd
    max_leverage: Fraction
    launched: Instant
    funding_interval_ms: int


@dataclass(frozen=True, slots=True)
class Ticker:
    symbol: Symbol
    last: Price
    mark: Price
    bid: Price
    ask: Price
    high_24h: Price
    low_24h: Price
    turnover_24h: Usd


class Candle(NamedTuple):
    symbol: Symbol
    timeframe: Timeframe
    open_at: Instant
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Qty
    turnover: Usd
    closed: bool | None  # None: the venue did not say


class CandleClosedFrame(NamedTuple):
    """A closed candle from the stream; `at` is the frame's market time."""

    candle: Candle
    at: Instant


class PriceFrame(NamedTuple):
    symbol: Symbol
    last: Price
    mark: Price
    at: Instant  # market time


@dataclass(frozen=True, slots=True)
class FeedUp:
    """Connected and subscribed: what happened meanwhile is not in the stream."""


@dataclass(frozen=True, slots=True)
class FeedDown:
    reason: str


FeedEvent = CandleClosedFrame | PriceFrame | FeedUp | FeedDown
