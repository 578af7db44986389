"""What an account can still spend, how near it is to failing, and what happens to its positions when it does.

1. Isolated: every position answers with its own margin; available = wallet - position margins - order margins.
2. Cross: all answer with the margin balance, wallet + unrealised profit; available = margin balance - all margins.
3. An account that fails loses its margin balance and no more, to the last digit before ticks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from libs.common.units import Fraction, Price, Usd
from services.paper_exchange.core.margin import Stake, maintenance_margin, unrealised


def isolated_available(wallet: Usd, position_margin: Usd, order_margin: Usd) -> Usd:
    """Return what new orders may take, in USDT; a losing position does not lessen it, negative: nothing."""
    return Usd(wallet - position_margin - order_margin)


def cross_available(margin_balance: Usd, position_margin: Usd, order_margin: Usd) -> Usd:
    """Return what new orders may take, in USDT; negative: nothing. Source: the venue's glossary of unified accounts."""
    return Usd(margin_balance - position_margin - order_margin)


def margin_rate(margin: Usd, margin_balance: Usd) -> Fraction | None:
    """Return accountIMRate or accountMMRate; None when there is nothing to be a part of."""
    return Fraction(margin / margin_balance) if margin_balance > 0 else None


def has_failed(maintenance: Usd, margin_balance: Usd) -> bool:
    """Whether a cross account must be liquidated: its maintenance margin rate has reached 100 %."""
    return maintenance > 0 and maintenance >= margin_balance


@dataclass(frozen=True, slots=True)
class Marked:
    """An open position and the mark of its symbol."""

    stake: Stake
    mark: Price


def worst_first(marked: Sequence[Marked]) -> list[Marked]:
    """Return the order in which a failed account's positions are taken over: all of them, the largest loss first.

    The venue reduces large positions tier by tier; here each goes whole. That leaves the account's rate where it was,
    for each takes its share of the balance along (see `takeover_price`), so no position outlives the first.
    """
    return sorted(marked, key=lambda one: unrealised(one.stake, one.mark))


def takeover_price(one: Marked, total_maintenance: Usd, margin_balance: Usd, taker: Decimal) -> Price:
    """Return the price at which a position of a failed account is closed: there its share of the balance is lost.

    The shares go by maintenance margin. total_maintenance, margin_balance: of the account before the first takeover.
    Zero or less for a long that is worth less than its share.
    """
    stake, sign = one.stake, one.stake.side.sign
    share = margin_balance * maintenance_margin(stake, one.mark, taker) / total_maintenance
    return Price((one.mark * stake.size - sign * share) / (stake.size * (1 - sign * taker)))
