"""What the rules of a post-mortem look at: one losing trade and what was worked out of it."""

from dataclasses import dataclass
from decimal import Decimal

from libs.common.contracts.postmortems import Decomposition, TradeSummary
from libs.common.contracts.trades import TradeClosed
from services.postmortem.core.decomposition import decompose
from services.postmortem.core.summary import summarise


@dataclass(frozen=True, slots=True)
class Case:
    trade: TradeClosed
    summary: TradeSummary
    parts: Decomposition

    @property
    def loss(self) -> Decimal:
        """What was lost, as a positive sum."""
        return -self.trade.pnl_usd


def open_case(trade: TradeClosed) -> Case:
    return Case(trade, summarise(trade), decompose(trade))
