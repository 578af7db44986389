"""A whole round trip, from the first fill to flat, in the venue's own figures."""

from enum import StrEnum
from typing import ClassVar

from libs.common.contracts.bounds import Count, Moment, PositivePrice, Quantity, VenueSymbol
from libs.common.contracts.message import Message
from libs.common.contracts.positions import PartialExit
from libs.common.contracts.signals import Decision
from libs.common.units import Fraction, Side, Usd


class CloseReason(StrEnum):
    STOP_LOSS = "STOP_LOSS"
    TRAILING = "TRAILING"
    PARTIAL = "PARTIAL"
    SIGNAL = "SIGNAL"
    MANUAL = "MANUAL"
    LIQUIDATION = "LIQUIDATION"
    EXTERNAL = "EXTERNAL"
    FLATTEN = "FLATTEN"


class TradeClosed(Message):
    """`pnl_usd = gross - fees - funding`, to the last digit; `trade_id` is the position's id."""

    schema_name: ClassVar[str] = "trade.closed.v1"
    trade_id: str
    symbol: VenueSymbol
    side: Side
    qty: Quantity  # sum of the opening fills
    entry_price: PositivePrice  # volume-weighted over the opening fills
    exit_price: PositivePrice  # volume-weighted over the closing fills
    gross: Usd  # by price alone
    fees: Usd  # positive = paid
    funding: Usd  # positive = paid
    pnl_usd: Usd
    close_reason: CloseReason
    opened_at: Moment
    closed_at: Moment
    leverage: Fraction
    margin: Usd
    initial_stop: PositivePrice | None
    last_stop: PositivePrice | None
    equity_at_entry: Usd | None
    decision: Decision | None
    exits: tuple[PartialExit, ...]  # every closing fill, merged by order
    naked_ms: Count  # wall milliseconds seen without a live stop
