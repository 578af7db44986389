"""What a position and a session are worth now: for people's eyes, at the mark price, decided on by nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from libs.common.contracts.positions import OpenPosition
from libs.common.units import ZERO, Fraction, Price, Usd
from services.executor.core.position import Folded, Trip


@dataclass(frozen=True, slots=True)
class Worth:
    """`roe` is per cent of the margin; None without a margin."""

    mark: Price
    unrealised: Usd
    roe: Fraction | None


def worth(position: OpenPosition, mark: Price) -> Worth:
    """Value an open position at `mark`."""
    unrealised = Usd(position.side.sign * (mark - position.entry) * position.qty)
    roe = Fraction(100 * unrealised / position.margin) if position.margin else None
    return Worth(mark, unrealised, roe)


def booked(folded: Folded) -> Usd:
    """What a symbol's unsettled trips have done to the wallet so far: realised price, less fees and funding."""
    total = ZERO
    for trip in folded.trips:
        realised = trip.side.sign * (trip.exit_value - trip.closed * trip.entry_value / trip.opened)
        total += realised - trip.fees - trip.funding
    return Usd(total)


def taken(trip: Trip) -> Sequence[Usd]:
    """What each closing order of a trip has realised: price, less its own fee and its share of the opening fees."""
    opening = trip.fees - sum((done.fee for done in trip.exits), ZERO)
    amounts = []
    for _, group in groupby(trip.exits, key=lambda done: done.order_id):
        fills = list(group)
        qty = sum((done.qty for done in fills), ZERO)
        value = sum((done.qty * done.price for done in fills), ZERO)
        gross = trip.side.sign * (value - qty * trip.entry)
        amounts.append(Usd(gross - sum((done.fee for done in fills), ZERO) - opening * qty / trip.opened))
    return amounts


@dataclass(frozen=True, slots=True)
class Score:
    closed: int
    wins: int
    losses: int
    realised: Usd

    @property
    def win_rate(self) -> Fraction | None:
        """Share of trades that earned something, 0..1; None before the first."""
        return Fraction(Decimal(self.wins) / self.closed) if self.closed else None


def score(results: Sequence[Usd]) -> Score:
    """Count the trades of a session."""
    wins = sum(1 for pnl in results if pnl > 0)
    losses = sum(1 for pnl in results if pnl < 0)
    return Score(len(results), wins, losses, Usd(sum(results, ZERO)))
