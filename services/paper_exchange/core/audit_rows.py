"""The rows of an audit as a judge reads them; unknown fields are ignored, numbers are exact."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from libs.common.ids import parse_link_id


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class AuditOrder(Row):
    order_id: str
    order_link_id: str
    symbol: str
    qty: Decimal
    cum_exec_qty: Decimal
    reduce_only: bool
    status: str

    @property
    def ours(self) -> bool:
        return parse_link_id(self.order_link_id) is not None


class AuditFill(Row):
    exec_id: str
    order_id: str
    order_link_id: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    exec_type: str
    gross_pnl: Decimal
    time: int

    @property
    def signed(self) -> Decimal:
        return self.qty if self.side == "Buy" else -self.qty

    @property
    def ours(self) -> bool:
        return parse_link_id(self.order_link_id) is not None


class AuditFunding(Row):
    symbol: str
    amount: Decimal
    time: int


class AuditPosition(Row):
    symbol: str
    side: str
    size: Decimal
    stop: str
    time: int


class AuditNaked(Row):
    model_config = ConfigDict(frozen=True, extra="ignore")
    symbol: str
    since: int = Field(alias="from")
    until: int | None = Field(alias="to")
    market_ms: int
    up_ms: int


class AuditWallet(Row):
    start: Decimal
    balance: Decimal
    realised: Decimal
    fees: Decimal
    funding: Decimal


class AuditOpen(Row):
    model_config = ConfigDict(frozen=True, extra="ignore")
    positions: int
    most_positions: int


class Audit(Row):
    """The whole of GET /paper/v1/audit, without the requests, which prove nothing by themselves."""

    orders: tuple[AuditOrder, ...]
    fills: tuple[AuditFill, ...]
    funding: tuple[AuditFunding, ...]
    positions: tuple[AuditPosition, ...]
    naked: tuple[AuditNaked, ...]
    wallet: AuditWallet
    open: AuditOpen


class LedgerTrade(BaseModel):
    """What a trade of `GET /v1/trades` must agree on with the exchange."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    trade_id: str
    symbol: str
    gross: Decimal
    fees: Decimal
    funding: Decimal
    pnl_usd: Decimal
    closed_at: int


def read_audit(body: Mapping[str, JsonValue]) -> Audit:
    """Read an audit as it came; raises ValueError for what is not one."""
    return Audit.model_validate(body)


def read_trades(rows: Sequence[JsonValue]) -> tuple[LedgerTrade, ...]:
    """Read the ledger's trades as they came; raises ValueError."""
    return tuple(LedgerTrade.model_validate(row) for row in rows)
