"""What all trades together say: how many won, and where the losses came from.

1. Every sum is exact; nothing is rounded but the win rate.
2. A trade that came out at exactly zero is neither a win nor a loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from libs.common.contracts.postmortems import Category, Severity
from libs.common.units import ZERO, Fraction, Instant, Symbol, Usd
from services.postmortem.core.summary import rounded


@dataclass(frozen=True, slots=True)
class Outcome:
    """The minimal record of a closed trade; `category` and `severity` only where it lost and has a report."""

    trade_id: str
    symbol: Symbol
    pnl_usd: Usd
    closed_at: Instant
    category: Category | None = None
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Share:
    count: int
    pnl_usd: Usd


@dataclass(frozen=True, slots=True)
class Statistics:
    trades: int
    wins: int
    losses: int
    win_rate: Fraction | None  # of wins and losses; None before the first
    pnl_usd: Usd
    loss_usd: Usd  # sum over the losing trades, negative
    reports: int
    by_category: dict[str, Share]  # the costliest first
    by_severity: dict[str, Share]


def statistics(outcomes: Sequence[Outcome]) -> Statistics:
    """Return the figures of any number of trades, none included."""
    wins = [each for each in outcomes if each.pnl_usd > ZERO]
    losses = [each for each in outcomes if each.pnl_usd < ZERO]
    decided = len(wins) + len(losses)
    return Statistics(
        trades=len(outcomes),
        wins=len(wins),
        losses=len(losses),
        win_rate=rounded(Decimal(len(wins)) / decided) if decided else None,
        pnl_usd=total(outcomes),
        loss_usd=total(losses),
        reports=sum(each.category is not None for each in outcomes),
        by_category=shares([(each.category, each) for each in losses if each.category]),
        by_severity=shares([(each.severity, each) for each in losses if each.severity]),
    )


def shares(named: Sequence[tuple[str, Outcome]]) -> dict[str, Share]:
    """Count and sum by name, the greatest loss first and equal ones by name."""
    groups: dict[str, list[Outcome]] = {}
    for name, outcome in named:
        groups.setdefault(str(name), []).append(outcome)
    counted = {name: Share(len(group), total(group)) for name, group in groups.items()}
    return dict(sorted(counted.items(), key=lambda item: (item[1].pnl_usd, item[0])))


def total(outcomes: Sequence[Outcome]) -> Usd:
    return Usd(sum((each.pnl_usd for each in outcomes), ZERO))
