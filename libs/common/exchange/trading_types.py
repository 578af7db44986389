"""What we ask of a venue and what it reports, in our units."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from libs.common.ids import OrderLinkId
from libs.common.units import Fraction, Instant, Price, Qty, Side, Symbol, Usd


class Action(StrEnum):
    BUY = "Buy"
    SELL = "Sell"

    @classmethod
    def opening(cls, side: Side) -> "Action":
        return cls.BUY if side is Side.LONG else cls.SELL

    @classmethod
    def closing(cls, side: Side) -> "Action":
        return cls.opening(side.opposite)


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a request is dated and how long the venue may take it: a late one must be refused (10002)."""

    at: Instant  # wall time at which the lock was last verified, in our clock; the adapter adds the offset
    recv_window_ms: int


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A market order; the entry carries its stop, an exit is reduce-only."""

    symbol: Symbol
    action: Action
    qty: Qty
    link_id: OrderLinkId
    reduce_only: bool
    stop_loss: Price | None


@dataclass(frozen=True, slots=True)
class Accepted:
    order_id: str


@dataclass(frozen=True, slots=True)
class RefusedForGood:
    """Asking again changes nothing."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class RefusedForNow:
    """Nothing happened at the venue: the same id may be sent again later."""

    code: int
    text: str
    wait_ms: int


@dataclass(frozen=True, slots=True)
class Exists:
    """The venue knows this id already: look it up, it is probably ours."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """We asked and never heard, or did not understand: it may have happened."""

    text: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The venue already has what was asked for (110043, 34040)."""

    code: int


Outcome = Accepted | RefusedForGood | RefusedForNow | Exists | Ambiguous | Unchanged


class OrderStatus(StrEnum):
    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    UNTRIGGERED = "Untriggered"
    TRIGGERED = "Triggered"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    REJECTED = "Rejected"
    DEACTIVATED = "Deactivated"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.DEACTIVATED})


@dataclass(frozen=True, slots=True)
class VenueOrder:
    symbol: Symbol
    order_id: str
    link_id: str  # "" for an order without one
    action: Action
    status: OrderStatus
    order_type: str
    stop_order_type: str  # "", "StopLoss", "TakeProfit", "Stop", ...
    create_type: str  # CreateByUser, CreateByStopLoss, CreateByLiq, ...
    qty: Qty
    filled: Qty
    average: Price | None
    trigger: Price | None
    reduce_only: bool
    reject_reason: str
    created_at: Instant  # market time
    updated_at: Instant
    stop_loss: Price | None = None  # that it gave its position when it opened it


@dataclass(frozen=True, slots=True)
class VenuePosition:
    symbol: Symbol
    side: Side
    qty: Qty
    entry: Price
    mark: Price
    stop: Price | None
    leverage: Fraction
    margin: Usd
    liquidation: Price | None
    unrealised: Usd
    hedge_index: int  # 0 in one-way mode
    created_at: Instant
    updated_at: Instant


class ExecutionType(StrEnum):
    TRADE = "Trade"
    ADL = "AdlTrade"
    BUST = "BustTrade"
    SETTLE = "Settle"
    DELIVERY = "Delivery"
    BLOCK = "BlockTrade"
    MOVE = "MovePosition"
    FUNDING = "Funding"


@dataclass(frozen=True, slots=True)
class Execution:
    """A fill, or a funding settlement (`kind` FUNDING: fee > 0 = paid, qty = the position's size)."""

    exec_id: str
    symbol: Symbol
    order_id: str
    link_id: str
    kind: ExecutionType
    action: Action
    qty: Qty
    price: Price
    fee: Usd
    closed_qty: Qty  # how much of it reduced a position
    create_type: str
    stop_order_type: str
    at: Instant  # market time
    seq: int


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    executions: tuple[Execution, ...]  # newest first, as the venue lists them
    next_cursor: str | None
    skipped: tuple[str, ...] = ()  # execution types that we do not know: told to the operator, never booked


@dataclass(frozen=True, slots=True)
class ClosedPnl:
    symbol: Symbol
    order_id: str
    closed_qty: Qty
    entry: Price
    exit: Price
    pnl: Usd
    created_at: Instant


@dataclass(frozen=True, slots=True)
class Wallet:
    balance: Usd  # wallet balance, without unrealised PnL
    equity: Usd
    available: Usd  # margin that may still be used
    position_margin: Usd
    order_margin: Usd


@dataclass(frozen=True, slots=True)
class KeyFacts:
    read_only: bool
    may_withdraw: bool


@dataclass(frozen=True, slots=True)
class OrderFrame:
    order: VenueOrder
    at: Instant


@dataclass(frozen=True, slots=True)
class ExecutionFrame:
    execution: Execution
    at: Instant


@dataclass(frozen=True, slots=True)
class PositionFrame:
    """A position as pushed; `qty` 0 means flat."""

    symbol: Symbol
    position: VenuePosition | None
    at: Instant


@dataclass(frozen=True, slots=True)
class WalletFrame:
    wallet: Wallet
    at: Instant


@dataclass(frozen=True, slots=True)
class StreamUp:
    """Connected, authenticated and subscribed: catch up over REST now."""


@dataclass(frozen=True, slots=True)
class StreamDown:
    reason: str


PrivateEvent = OrderFrame | ExecutionFrame | PositionFrame | WalletFrame | StreamUp | StreamDown
