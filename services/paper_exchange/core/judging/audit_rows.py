"""The rows of an audit as a judge reads them; unknown fields are ignored, numbers are exact."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass

from libs.common.exchange.trading_types import OrderStatus
from libs.common.ids import ENTRY, parse_link_id

Key = tuple[str, int]  # symbol and side of the hedge: in hedge mode a symbol has two positions
Point = tuple[int, int]  # market time, then wall time: a market that stands still has many fills in one of its instants


_CAMEL: Final = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=True)
_PLAIN: Final = ConfigDict(extra="ignore")


def is_ours(link_id: str) -> bool:
    return parse_link_id(link_id) is not None


# Dataclasses with slots: there may be hundreds of thousands of rows, and models take three times the memory.


@dataclass(frozen=True, slots=True, kw_only=True, config=_CAMEL)
class Keyed:
    symbol: str
    position_idx: int = 0  # 0 in one-way mode, 1 long and 2 short in hedge mode

    @property
    def key(self) -> Key:
        return self.symbol, self.position_idx


@dataclass(frozen=True, slots=True, kw_only=True, config=_CAMEL)
class AuditOrder(Keyed):
    order_id: str
    order_link_id: str
    qty: Decimal
    cum_exec_qty: Decimal
    reduce_only: bool
    status: OrderStatus
    time: int
    wall: int  # of its last change

    @property
    def ours(self) -> bool:
        return is_ours(self.order_link_id)

    @property
    def is_entry(self) -> bool:
        """Whether we meant to open with it."""
        name = parse_link_id(self.order_link_id)
        return name is not None and name.purpose == ENTRY

    @property
    def is_open(self) -> bool:
        return not self.status.is_terminal


@dataclass(frozen=True, slots=True, kw_only=True, config=_CAMEL)
class AuditRequest:
    path: str
    order_link_id: str
    ret_code: int
    wall: int

    @property
    def created(self) -> bool:
        """Whether an order came of it."""
        return self.ret_code == 0 and "create" in self.path


@dataclass(frozen=True, slots=True, kw_only=True, config=_CAMEL)
class AuditFill(Keyed):
    exec_id: str
    order_id: str
    order_link_id: str
    side: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    gross_pnl: Decimal
    time: int
    wall: int

    @property
    def point(self) -> Point:
        return self.time, self.wall

    @property
    def signed(self) -> Decimal:
        return self.qty if self.side == "Buy" else -self.qty

    @property
    def ours(self) -> bool:
        return is_ours(self.order_link_id)


@dataclass(frozen=True, slots=True, kw_only=True, config=_CAMEL)
class AuditFunding(Keyed):
    amount: Decimal
    time: int


@dataclass(frozen=True, slots=True, kw_only=True, config=_CAMEL)
class AuditPosition(Keyed):
    side: str
    size: Decimal
    stop: str
    time: int
    wall: int


@dataclass(frozen=True, slots=True, kw_only=True, config=_CAMEL)
class AuditNaked(Keyed):
    since: int = Field(alias="from")
    until: int | None = Field(alias="to")
    market_ms: int = Field(alias="market_ms")
    up_ms: int = Field(alias="up_ms")


@dataclass(frozen=True, slots=True, kw_only=True, config=_CAMEL)
class AuditWallet:
    start: Decimal
    balance: Decimal
    realised: Decimal
    fees: Decimal
    funding: Decimal


@dataclass(frozen=True, slots=True, kw_only=True, config=_CAMEL)
class AuditOpen:
    positions: int
    most_positions: int = Field(alias="most_positions")


@dataclass(frozen=True, slots=True, kw_only=True, config=_CAMEL)
class Audit:
    """The whole of GET /paper/v1/audit."""

    orders: tuple[AuditOrder, ...]
    requests: tuple[AuditRequest, ...]
    fills: tuple[AuditFill, ...]
    funding: tuple[AuditFunding, ...]
    positions: tuple[AuditPosition, ...]
    naked: tuple[AuditNaked, ...]
    wallet: AuditWallet
    open: AuditOpen


@dataclass(frozen=True, slots=True, kw_only=True, config=_PLAIN)
class LedgerTrade:
    """What a trade of `GET /v1/trades` must agree on with the exchange."""

    trade_id: str
    symbol: str
    gross: Decimal
    fees: Decimal
    funding: Decimal
    pnl_usd: Decimal
    closed_at: int


_AUDIT: Final = TypeAdapter(Audit)
_TRADES: Final = TypeAdapter(tuple[LedgerTrade, ...])


def read_audit(body: Mapping[str, JsonValue]) -> Audit:
    """Read an audit as it came; raises ValueError for what is not one."""
    return _AUDIT.validate_python(body)


def read_trades(rows: Sequence[JsonValue]) -> tuple[LedgerTrade, ...]:
    """Read the ledger's trades as they came; raises ValueError."""
    return _TRADES.validate_python(rows)
