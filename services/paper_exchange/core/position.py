"""A position and the arithmetic of its money, exact to the last digit.

1. A position's size is the sum of its fills.
2. Over a round trip the gross profits add up to price × quantity sold less bought: splitting loses nothing.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from libs.common.exchange.market_types import Instrument
from libs.common.exchange.trading_types import Action
from libs.common.units import ZERO, Fraction, Instant, Price, Qty, Side, Symbol, Usd
from services.paper_exchange.core.amounts import average, share

TAKER_FEE: Final = Decimal("0.00055")
MAKER_FEE: Final = Decimal("0.0002")
FIRST_LEVERAGE: Final = Fraction(Decimal(10))


@dataclass(frozen=True, slots=True)
class Position:
    """One symbol, one-way mode; `side` is None when flat, `cost` is the exact value it was entered at."""

    symbol: Symbol
    leverage: Fraction = FIRST_LEVERAGE
    side: Side | None = None
    size: Qty = Qty(ZERO)
    cost: Usd = Usd(ZERO)
    stop: Price | None = None
    take_profit: Price | None = None
    entry_fees: Usd = Usd(ZERO)  # paid for what is still open
    funding: Usd = Usd(ZERO)  # paid for what is still open
    current_realised: Usd = Usd(ZERO)
    realised: Usd = Usd(ZERO)
    opened_at: Instant = Instant(0)
    updated_at: Instant = Instant(0)
    seq: int = -1

    @property
    def entry(self) -> Price:
        return Price(average(self.cost, self.size))

    @property
    def margin(self) -> Usd:
        """Initial margin that it holds."""
        return Usd(self.cost / self.leverage)


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


def settle(position: Position, action: Action, qty: Qty, price: Price, fee: Usd, at: Instant) -> Settled:
    """Return `position` after a fill: grown, shrunk, closed, or closed and opened the other way."""
    side = side_of(action)
    closed = Qty(ZERO) if position.side in {None, side} else min(qty, position.size)
    exit_fees = Usd(share(fee, closed, qty)) if closed else Usd(ZERO)
    released = Usd(share(position.cost, closed, position.size)) if closed else Usd(ZERO)
    entry_fees = Usd(share(position.entry_fees, closed, position.size)) if closed else Usd(ZERO)
    funding = Usd(share(position.funding, closed, position.size)) if closed else Usd(ZERO)
    gross = Usd(side.opposite.sign * (price * closed - released))
    shrunk = replace(
        position,
        size=Qty(position.size - closed),
        cost=Usd(position.cost - released),
        entry_fees=Usd(position.entry_fees - entry_fees),
        funding=Usd(position.funding - funding),
        current_realised=Usd(position.current_realised + gross - exit_fees),
        realised=Usd(position.realised + gross - fee),
        updated_at=at,
    )
    left = shrunk if shrunk.size or not closed else _flat(shrunk)
    opened = Qty(qty - closed)
    after = _grown(left, side, opened, price, Usd(fee - exit_fees), at) if opened else left
    return Settled(after, closed, gross, released, entry_fees, exit_fees, funding)


def _flat(position: Position) -> Position:
    return replace(position, side=None, stop=None, take_profit=None, current_realised=Usd(ZERO))


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


def maintenance_rate(instrument: Instrument) -> Decimal:
    """Half of the margin at the highest leverage, as the venue's first risk tiers have it."""
    return 1 / (2 * instrument.max_leverage)


def liquidation_price(position: Position, instrument: Instrument) -> Price | None:
    """Return where an isolated position has only its maintenance margin left; None when flat or never."""
    if position.side is None:
        return None
    room = 1 / position.leverage - maintenance_rate(instrument)
    price = position.entry * (1 - position.side.sign * room)
    return Price(price) if price > 0 else None


def bankruptcy_price(position: Position) -> Price:
    """Return where the whole initial margin is lost; only for an open position."""
    sign = 1 if position.side is Side.LONG else -1
    return Price(position.entry * (1 - sign / position.leverage))
