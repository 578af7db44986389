"""What happened, in the figures a trader asks for first.

1. Ratios are rounded to four places, half to even; money never is.
2. A ratio over something unknown is None, never zero.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final

from libs.common.contracts.postmortems import TradeSummary
from libs.common.contracts.trades import TradeClosed
from libs.common.units import HOUR_MS, ZERO, Fraction, Usd

PLACES: Final = Decimal("0.0001")
EXACT: Final = Context(prec=80)  # products of venue figures have far fewer digits, so they are exact


def summarise(trade: TradeClosed) -> TradeSummary:
    """Return the summary of a closed trade."""
    risk = first_risk(trade)
    with localcontext(EXACT):
        value = trade.entry_price * trade.qty
        return TradeSummary(
            symbol=trade.symbol,
            side=trade.side,
            entry_price=trade.entry_price,
            exit_price=trade.exit_price,
            qty=trade.qty,
            leverage=trade.leverage,
            margin=trade.margin,
            pnl_usd=trade.pnl_usd,
            pnl_percentage=rounded(100 * trade.pnl_usd / value),
            roe_percentage=rounded(100 * trade.pnl_usd / trade.margin) if trade.margin > ZERO else None,
            r=None if risk is None else rounded(trade.pnl_usd / risk),
            duration_hours=rounded(Decimal(trade.closed_at - trade.opened_at) / HOUR_MS),
            fees=trade.fees,
            funding=trade.funding,
            close_reason=trade.close_reason,
        )


def first_risk(trade: TradeClosed) -> Usd | None:
    """Quote currency lost if the first stop had been hit at once; None without a first stop on the losing side."""
    if trade.initial_stop is None:
        return None
    with localcontext(EXACT):
        risk = trade.side.sign * (trade.entry_price - trade.initial_stop) * trade.qty
    return Usd(risk) if risk > ZERO else None


def equity_lost(trade: TradeClosed) -> Fraction | None:
    """Share of the equity at entry that the trade lost; None when that equity is not known."""
    if trade.equity_at_entry is None or trade.equity_at_entry <= ZERO:
        return None
    return rounded(-trade.pnl_usd / trade.equity_at_entry)


def rounded(ratio: Decimal) -> Fraction:
    """Round to PLACES; the mode is named because libraries change a thread's default (ccxt sets half up)."""
    return Fraction(ratio.quantize(PLACES, ROUND_HALF_EVEN))
