"""The margin of a position: what it holds, what it must keep, and what it has won or lost so far.

1. Values are at the mark price; the fee to close is reserved at the bankruptcy price, so it does not move with it.
2. Taken over at its bankruptcy price, an isolated position loses its entry margin, to the last digit.
3. Nothing is rounded here: amounts are USDT, exact but for divisions.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

from libs.common.units import Fraction, Price, Qty, Side, Usd
from services.paper_exchange.core.margin.tiers import RiskTier, kept

LEAST_BREAK_EVEN_FEE: Final = Decimal("0.00055")


@dataclass(frozen=True)
class Stake:
    """An open position as its margin sees it; `cost` is the exact value that it was entered at, in USDT."""

    side: Side
    size: Qty  # above zero
    cost: Usd
    leverage: Fraction
    tiers: tuple[RiskTier, ...]

    @cached_property
    def own(self) -> Usd:
        """Entry value ÷ leverage, in USDT: asked again and again of a position that stays as it is."""
        return Usd(self.cost / self.leverage)


def unrealised(stake: Stake, mark: Price) -> Usd:
    """Return what closing at `mark` would win by price alone, in USDT."""
    return Usd(stake.side.sign * (mark * stake.size - stake.cost))


def bankruptcy_value(stake: Stake) -> Usd:
    """Return what the position is worth when the margin that its leverage asks for is lost, in USDT."""
    return Usd(stake.cost - stake.side.sign * stake.own)


def bankruptcy_price(stake: Stake) -> Price:
    """Return where an isolated position has nothing left: entry × (1 ∓ 1/leverage); zero for a long without debt."""
    return Price(bankruptcy_value(stake) / stake.size)


def takeover_price(stake: Stake, mark: Price, share: Usd, taker: Decimal) -> Price:
    """Return the price at which closing loses `share` USDT more than the position has lost at `mark`, fee included.

    In cross margin `share` is the part of the margin balance that goes with the position when the account fails; it
    is negative when the mark has leapt past ruin. The price is not above zero for a long that is worth less than it.
    """
    sign = stake.side.sign
    return Price((mark * stake.size - sign * share) / (stake.size * (1 - sign * taker)))


def close_fee(stake: Stake, taker: Decimal) -> Usd:
    """Return the fee that is reserved for closing, in USDT.

    Source: the venue's help page on initial margin of USDT contracts: size × entry × (1 ∓ 1/leverage) × taker rate.
    """
    return Usd(bankruptcy_value(stake) * taker)


def initial_margin(stake: Stake, mark: Price, taker: Decimal) -> Usd:
    """Return what the position holds of the wallet, in USDT: value at mark ÷ leverage + fee to close."""
    return Usd(stake.size * mark / stake.leverage + close_fee(stake, taker))


def entry_margin(stake: Stake, taker: Decimal) -> Usd:
    """Return what an isolated position can lose, wherever the mark is: entry value ÷ leverage + fee to close, USDT."""
    return Usd(stake.own + close_fee(stake, taker))


def maintenance_margin(stake: Stake, mark: Price, taker: Decimal) -> Usd:
    """Return what must be left of it, in USDT: value at mark × rate - deduction of its tier + fee to close."""
    return Usd(kept(stake.tiers, stake.size * mark) + close_fee(stake, taker))


def break_even(stake: Stake, realised: Usd, taker: Decimal) -> Price:
    """Return the price at which closing as taker brings back all that the position has cost.

    realised: what it has earned since it was opened, net of fees and funding; negative after the fee to open it.
    taker: the venue reckons with 0.00055 at least.
    """
    sign = stake.side.sign
    return Price((stake.cost - sign * realised) / (stake.size * (1 - sign * max(taker, LEAST_BREAK_EVEN_FEE))))
