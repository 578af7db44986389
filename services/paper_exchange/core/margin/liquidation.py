"""The marks at which a position's margin, or the whole account's, has shrunk to what it must keep.

1. At the price itself equity equals maintenance margin, in whatever tier its value is there.
2. An isolated position reaches it between its entry and its bankruptcy price; the fee to close is reserved on both
   sides of the scales, so it does not move it.

Auto-deleveraging is not modelled: what is taken over always finds somebody to take it.
"""

from collections.abc import Sequence
from decimal import Decimal

from libs.common.units import ZERO, Price, Side, Usd
from services.paper_exchange.core.margin.margin import Stake, close_fee
from services.paper_exchange.core.margin.tiers import tier_of


def isolated_liquidation(stake: Stake) -> Price | None:
    """Return the mark at which a position with a margin of its own is taken over; None: never.

    Long (entry × (1 - 1/leverage) - deduction/size) / (1 - MMR), short (entry × (1 + 1/leverage) + deduction/size) /
    (1 + MMR). Source: the venue's help page on isolated liquidation prices, where fees appear with added margin only.
    """
    return _edge(stake.side, [stake], stake.cost / stake.leverage)


def cross_liquidation(side: Side, legs: Sequence[Stake], rest: Usd, taker: Decimal) -> Price | None:
    """Return the mark of one symbol that makes the account fail while all else stays; None: no such mark.

    side: falling marks are asked for a long, rising ones for a short.
    legs: the symbol's open positions, two in hedge mode: both move with the mark.
    rest: margin balance without the profit of the legs, less the maintenance margin of all other positions, in USDT.
    """
    return _edge(side, legs, rest - sum((close_fee(leg, taker) for leg in legs), ZERO))


def is_beyond(side: Side, mark: Price, liquidation: Price | None) -> bool:
    """Whether `mark` has reached the liquidation price of a position."""
    return liquidation is not None and (mark <= liquidation if side is Side.LONG else mark >= liquidation)


def _edge(side: Side, legs: Sequence[Stake], pot: Decimal) -> Price | None:
    """Return where `pot` + profit - maintenance margin is zero: it is concave in the mark, a line between borders.

    Every line lies above it, so its root is outside or on the edge, and the next line is nearer.
    """
    direction = side.sign
    at = [leg.tiers[0 if direction > 0 else -1] for leg in legs]
    while True:
        pairs = list(zip(legs, at, strict=True))
        slope = sum((leg.size * (leg.side.sign - tier.maintenance_rate) for leg, tier in pairs), ZERO)
        if slope * direction <= 0:
            return None
        spent = sum((leg.side.sign * leg.cost - tier.deduction for leg, tier in pairs), ZERO)
        mark = (spent - pot) / slope
        if mark <= 0:
            return None
        there = [tier_of(leg.tiers, leg.size * mark) for leg in legs]
        nearer = [max(pair, key=lambda tier: tier.number * direction) for pair in zip(at, there, strict=True)]
        if nearer == at:  # never back: on a border rounding may point to either of its tiers
            return Price(mark)
        at = nearer
