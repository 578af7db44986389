"""The report of a losing trade, as it is written to disk and to `ik:postmortem`."""

from enum import StrEnum
from typing import ClassVar

from libs.common.contracts.bounds import Moment, PositivePrice, Quantity, VenueSymbol
from libs.common.contracts.message import Message, Value
from libs.common.contracts.signals import Decision
from libs.common.contracts.trades import CloseReason
from libs.common.units import Fraction, Side, Usd


class Severity(StrEnum):
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class Category(StrEnum):
    SIGNAL_WRONG = "SIGNAL_WRONG"
    LOW_EDGE = "LOW_EDGE"
    OUT_OF_DISTRIBUTION = "OUT_OF_DISTRIBUTION"
    COUNTER_TREND = "COUNTER_TREND"
    MARKET_WIDE = "MARKET_WIDE"
    LATE_ENTRY = "LATE_ENTRY"
    SLIPPAGE = "SLIPPAGE"
    STOP_TOO_TIGHT = "STOP_TOO_TIGHT"
    STOP_TOO_WIDE = "STOP_TOO_WIDE"
    GAVE_BACK = "GAVE_BACK"
    COST_DOMINATED = "COST_DOMINATED"
    OVERSIZED = "OVERSIZED"
    DATA_FAULT = "DATA_FAULT"
    EXECUTION_FAULT = "EXECUTION_FAULT"
    LIQUIDATION = "LIQUIDATION"
    PREMATURE_EXIT = "PREMATURE_EXIT"
    STOP_LOSS_HIT = "STOP_LOSS_HIT"
    NORMAL_VARIANCE = "NORMAL_VARIANCE"


class TradeSummary(Value):
    symbol: VenueSymbol
    side: Side
    entry_price: PositivePrice
    exit_price: PositivePrice
    qty: Quantity
    leverage: Fraction
    margin: Usd
    pnl_usd: Usd
    pnl_percentage: Fraction  # of the entry value, 1.5 means 1.5 %
    roe_percentage: Fraction | None  # of the margin; None when the margin is not known
    r: Fraction | None  # in units of the first risk; None for an adopted position
    duration_hours: Fraction
    fees: Usd
    funding: Usd
    close_reason: CloseReason


class Decomposition(Value):
    """Parts of `pnl_usd`; they sum to it, and what they leave over is a finding of its own."""

    direction: Usd  # decision price to the trigger of the exit
    entry_slippage: Usd  # decision price to entry fill
    management: Usd  # partial exits against the final exit
    exit_slippage: Usd  # trigger to exit fill
    fees: Usd  # negative = paid
    funding: Usd  # negative = paid
    residue: Usd


class Finding(Value):
    """One category with what speaks for it."""

    category: Category
    evidence: str
    confidence: Fraction


class PostmortemWritten(Message):
    schema_name: ClassVar[str] = "postmortem.written.v1"
    trade_id: str
    symbol: VenueSymbol
    category: Category
    severity: Severity
    severity_reason: str
    pnl_usd: Usd
    opened_at: Moment
    closed_at: Moment
    summary: TradeSummary
    initial_decision: Decision | None
    decomposition: Decomposition
    findings: tuple[Finding, ...]  # the primary first
    advice: tuple[str, ...]
    attributable_to_model: bool
