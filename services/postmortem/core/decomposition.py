"""Where the money went: parts of the loss that add up to it.

1. The parts and the residue sum to `pnl_usd` exactly, for any trade.
2. The residue is zero, or at least a cent and then a finding: what the rounding of average prices leaves over
   counts as direction.
3. The residue is zero where the exits account for the whole quantity.

With P the price decided on, E the entry, T the trigger of the last exit and X its fill: direction is P to T on the
whole quantity, entry slippage E against P, management the earlier exits against T, exit slippage X against T.
"""

from decimal import Decimal, localcontext
from typing import Final

from libs.common.contracts.postmortems import Decomposition
from libs.common.contracts.trades import CloseReason, TradeClosed
from libs.common.units import ZERO, Price, Usd
from services.postmortem.core.summary import EXACT

STOP_EXITS: Final = frozenset({CloseReason.STOP_LOSS, CloseReason.TRAILING})
CENT: Final = Decimal("0.01")  # what the rounding of average prices may leave over


def decompose(trade: TradeClosed) -> Decomposition:
    """Return the parts of the trade's result; without a decision the entry price is the price decided on."""
    with localcontext(EXACT):
        sign = trade.side.sign
        decided = trade.entry_price if trade.decision is None else trade.decision.price
        *earlier, (last_qty, last_price) = exits_of(trade)
        trigger = trigger_of(trade, last_price)
        direction = sign * (trigger - decided) * trade.qty
        entry_slippage = sign * (decided - trade.entry_price) * trade.qty
        management = sign * sum(((price - trigger) * qty for qty, price in earlier), ZERO)
        exit_slippage = sign * (last_price - trigger) * last_qty
        fees, funding = -trade.fees, -trade.funding
        parts = direction + entry_slippage + management + exit_slippage + fees + funding
        left = trade.pnl_usd - parts
        rounding = left if abs(left) < CENT else ZERO
        return Decomposition(
            direction=amount(direction + rounding),
            entry_slippage=amount(entry_slippage),
            management=amount(management),
            exit_slippage=amount(exit_slippage),
            fees=amount(fees),
            funding=amount(funding),
            residue=amount(left - rounding),
        )


def amount(value: Decimal) -> Usd:
    """The value, with one spelling of nothing: not -0, not 0E-8."""
    return Usd(value or ZERO)


def exits_of(trade: TradeClosed) -> list[tuple[Decimal, Price]]:
    """Quantity and price of every exit, the final one last; one of everything where the venue told of none."""
    exits = sorted(trade.exits, key=lambda each: each.at)
    return [(each.qty, each.price) for each in exits] or [(trade.qty, trade.exit_price)]


def trigger_of(trade: TradeClosed, last_price: Price) -> Price:
    """The price that set the last exit off: the stop where a stop ended the trade, else the fill itself."""
    stopped = trade.close_reason in STOP_EXITS and trade.last_stop is not None
    return trade.last_stop if stopped and trade.last_stop is not None else last_price


def is_unexplained(parts: Decomposition) -> bool:
    """Whether something is left over that no part accounts for."""
    return parts.residue != ZERO
