"""What can happen to the books: every change is one of these values, kept in order, then told in order."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from libs.common.exchange.trading_types import Action, ExecutionType
from libs.common.units import ZERO, Instant, Price, Qty, Symbol, Usd
from services.paper_exchange.core.books.leg import Leg
from services.paper_exchange.core.books.order import Creator, Kind, Order, StopKind
from services.paper_exchange.core.books.position import Position


@dataclass(frozen=True, slots=True)
class Moment:
    """Both clocks, and the wall time that the exchange has been up in all its lives."""

    market: Instant
    wall: Instant
    up_ms: int


class MarginMode(StrEnum):
    ISOLATED = "ISOLATED_MARGIN"  # every position answers with its own margin
    CROSS = "REGULAR_MARGIN"  # all answer with the whole account


@dataclass(frozen=True, slots=True)
class Account:
    """What the user chose for the account; `hedged` are the symbols in hedge mode, sorted."""

    margin_mode: MarginMode = MarginMode.ISOLATED
    hedged: tuple[Symbol, ...] = ()


NEW_ACCOUNT: Final = Account()


@dataclass(frozen=True, slots=True)
class Totals:
    """The wallet and the counters that ids are made of; balance = start + realised - fees - funding."""

    start: Usd
    balance: Usd
    realised: Usd = Usd(ZERO)
    fees: Usd = Usd(ZERO)
    funding: Usd = Usd(ZERO)
    orders: int = 0
    executions: int = 0
    seq: int = 0
    most_positions: int = 0


@dataclass(frozen=True, slots=True)
class Execution:
    """A fill, or a funding settlement: then `price` is the mark, `rate` the funding rate and `fee` what was paid."""

    seq: int
    exec_id: str
    order_id: str
    link_id: str
    symbol: Symbol
    action: Action
    qty: Qty
    price: Price
    fee: Usd
    rate: Decimal
    kind: ExecutionType
    gross: Usd
    closed: Qty
    maker: bool
    order_price: Price
    order_qty: Qty
    leaves: Qty
    leg: Leg
    order_kind: Kind | None
    stop_kind: StopKind
    creator: Creator
    mark: Price
    at: Instant
    wall: Instant


@dataclass(frozen=True, slots=True)
class ClosedPart:
    """What one fill of a closing order earned, with both fees and the funding of its life."""

    seq: int
    symbol: Symbol
    leg: Leg
    order_id: str
    action: Action
    order_kind: Kind
    kind: ExecutionType
    order_qty: Qty
    order_price: Price
    closed: Qty
    entry_value: Usd
    exit_value: Usd
    pnl: Usd
    entry_fees: Usd
    exit_fees: Usd
    leverage: Decimal
    at: Instant


@dataclass(frozen=True, slots=True)
class Naked:
    """A position without a live stop, from `since` on; `until` is None while it still is."""

    number: int
    symbol: Symbol
    leg: Leg
    since: Instant
    since_up: int
    until: Instant | None = None
    until_up: int = 0


@dataclass(frozen=True, slots=True)
class OrderChanged:
    order: Order


@dataclass(frozen=True, slots=True)
class Executed:
    execution: Execution


@dataclass(frozen=True, slots=True)
class PartClosed:
    part: ClosedPart


@dataclass(frozen=True, slots=True)
class PositionTold:
    """A position after something touched it; `changed` if its size or stop did."""

    position: Position
    mark: Price
    changed: bool
    at: Instant


@dataclass(frozen=True, slots=True)
class WalletChanged:
    totals: Totals


@dataclass(frozen=True, slots=True)
class AccountChanged:
    account: Account


@dataclass(frozen=True, slots=True)
class NakedChanged:
    naked: Naked


Change = OrderChanged | Executed | PartClosed | PositionTold | WalletChanged | AccountChanged | NakedChanged
