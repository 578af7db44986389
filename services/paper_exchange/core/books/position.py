"""A position and what a fill does to it, exact to the last digit.

1. A position's size is the sum of its fills.
2. Over a round trip the gross profits add up to price × quantity sold less bought: splitting loses nothing.
3. What is absent from `MOVES` is illegal and raises.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from libs.common.errors import Fatal
from libs.common.exchange.trading_types import Action
from libs.common.units import ZERO, Fraction, Instant, Price, Qty, Side, Symbol, Usd
from services.paper_exchange.core.books.amounts import average, share
from services.paper_exchange.core.books.leg import Key, Leg
from services.paper_exchange.core.books.order import PLAIN, Terms

TAKER_FEE: Final = Decimal("0.00055")
MAKER_FEE: Final = Decimal("0.0002")
FIRST_LEVERAGE: Final = Fraction(Decimal(10))


class Move(StrEnum):
    OPEN = "opened"
    GROW = "grown"
    SHRINK = "shrunk"
    CLOSE = "closed"
    TURN = "turned"  # closed, and opened the other way by the same fill


MOVES: Final[Mapping[tuple[Side | None, Action, Move], Side | None]] = {
    (None, Action.BUY, Move.OPEN): Side.LONG,
    (None, Action.SELL, Move.OPEN): Side.SHORT,
    (Side.LONG, Action.BUY, Move.GROW): Side.LONG,
    (Side.LONG, Action.SELL, Move.SHRINK): Side.LONG,
    (Side.LONG, Action.SELL, Move.CLOSE): None,
    (Side.LONG, Action.SELL, Move.TURN): Side.SHORT,  # one-way mode only: a leg of hedge mode never turns
    (Side.SHORT, Action.SELL, Move.GROW): Side.SHORT,
    (Side.SHORT, Action.BUY, Move.SHRINK): Side.SHORT,
    (Side.SHORT, Action.BUY, Move.CLOSE): None,
    (Side.SHORT, Action.BUY, Move.TURN): Side.LONG,
}


@dataclass(frozen=True, slots=True)
class Trailing:
    """A stop that stays `distance` behind the best price; it sleeps until `activation` is reached."""

    distance: Price
    activation: Price | None = None
    best: Price | None = None  # None: asleep

    def level(self, side: Side) -> Price | None:
        """Where it triggers now; None while it sleeps."""
        return None if self.best is None else Price(self.best - side.sign * self.distance)


@dataclass(frozen=True, slots=True)
class Position:
    """One leg of a symbol; `side` is None when flat, `cost` is the exact value it was entered at."""

    symbol: Symbol
    leg: Leg = Leg.ONE_WAY
    leverage: Fraction = FIRST_LEVERAGE
    side: Side | None = None
    size: Qty = Qty(ZERO)
    cost: Usd = Usd(ZERO)
    stop: Price | None = None
    stop_terms: Terms = PLAIN
    take_profit: Price | None = None
    target_terms: Terms = PLAIN
    trailing: Trailing | None = None
    entry_fees: Usd = Usd(ZERO)  # paid for what is still open
    funding: Usd = Usd(ZERO)  # paid for what is still open
    current_realised: Usd = Usd(ZERO)
    realised: Usd = Usd(ZERO)
    opened_at: Instant = Instant(0)
    updated_at: Instant = Instant(0)
    seq: int = -1

    @property
    def key(self) -> Key:
        return self.symbol, self.leg

    @property
    def signed(self) -> Decimal:
        """Its size, negative when short."""
        return self.size * (self.side.sign if self.side else 0)

    @property
    def entry(self) -> Price:
        return Price(average(self.cost, self.size))

    @property
    def live_stop(self) -> Price | None:
        """The tightest stop that closes all of it; None: naked."""
        trailed = self.trailing.level(self.side) if self.trailing and self.side else None
        if self.stop is None or trailed is None or self.side is None:
            return self.stop if trailed is None else trailed
        return max(self.stop, trailed) if self.side is Side.LONG else min(self.stop, trailed)


@dataclass(frozen=True, slots=True)
class Settled:
    """What a fill did to a position: the part that closed, its profit by price alone, and what it had cost."""

    position: Position
    closed: Qty
    gross: Usd
    released: Usd  # entry value of the closed part
    entry_fees: Usd  # and the fees and funding paid for it
    exit_fees: Usd
    funding: Usd


def side_of(action: Action) -> Side:
    """Return the side that an opening `action` takes."""
    return Side.LONG if action is Action.BUY else Side.SHORT


def move_of(position: Position, action: Action, qty: Qty) -> Move:
    """Return what a fill of `qty` does to `position`."""
    if position.side is None:
        return Move.OPEN
    if position.side is side_of(action):
        return Move.GROW
    if qty == position.size:
        return Move.CLOSE
    return Move.SHRINK if qty < position.size else Move.TURN


def settle(position: Position, action: Action, qty: Qty, price: Price, fee: Usd, at: Instant) -> Settled:
    """Return `position` after a fill; raises Fatal for a move that the table or the leg does not have."""
    move = move_of(position, action, qty)
    after = MOVES.get((position.side, action, move))
    if (position.side, action, move) not in MOVES or (position.leg.side and after not in {None, position.leg.side}):
        raise Fatal(f"{position.symbol} leg {position.leg}: {position.side} cannot be {move} by {action}")
    side = side_of(action)
    closed = Qty(ZERO) if position.side in {None, side} else min(qty, position.size)
    exit_fees = Usd(share(fee, closed, qty)) if closed else Usd(ZERO)
    released = Usd(share(position.cost, closed, position.size)) if closed else Usd(ZERO)
    entry_fees = Usd(share(position.entry_fees, closed, position.size)) if closed else Usd(ZERO)
    funding = Usd(share(position.funding, closed, position.size)) if closed else Usd(ZERO)
    gross = Usd(side.opposite.sign * (price * closed - released))
    left = replace(
        position,
        size=Qty(position.size - closed),
        cost=Usd(position.cost - released),
        entry_fees=Usd(position.entry_fees - entry_fees),
        funding=Usd(position.funding - funding),
        current_realised=Usd(position.current_realised + gross - exit_fees),
        realised=Usd(position.realised + gross - fee),
        updated_at=at,
    )
    if move in {Move.CLOSE, Move.TURN}:
        left = _flat(left)
    opened = Qty(qty - closed)
    grown = _grown(left, side, opened, price, Usd(fee - exit_fees), at) if opened else left
    return Settled(grown, closed, gross, released, entry_fees, exit_fees, funding)


def _flat(position: Position) -> Position:
    return replace(
        position,
        side=None,
        stop=None,
        stop_terms=PLAIN,
        take_profit=None,
        target_terms=PLAIN,
        trailing=None,
        current_realised=Usd(ZERO),
    )


def _grown(position: Position, side: Side, qty: Qty, price: Price, fee: Usd, at: Instant) -> Position:
    return replace(
        position,
        side=side,
        size=Qty(position.size + qty),
        cost=Usd(position.cost + qty * price),
        entry_fees=Usd(position.entry_fees + fee),
        current_realised=Usd(position.current_realised - fee),
        opened_at=position.opened_at if position.size else at,
        updated_at=at,
    )


def unrealised(position: Position, mark: Price) -> Usd:
    """Profit at `mark` by price alone; zero when flat."""
    if position.side is None:
        return Usd(ZERO)
    return Usd(position.side.sign * (mark * position.size - position.cost))
