"""The ledger's tables. Money is text, so that no digit of the venue's is lost; instants are milliseconds."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.sql.schema import SchemaItem


class Money(TypeDecorator[Decimal]):
    """A Decimal, kept as the string that it was written with."""

    impl = String(64)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


METADATA: Final = MetaData()
Ms = BigInteger  # milliseconds since the epoch
_SERIAL: Final = BigInteger().with_variant(Integer, "sqlite")


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, METADATA, *items)


def _text(*names: str) -> Sequence[Column[str]]:
    return [Column(name, Text, nullable=False, default="") for name in names]


def _money(*names: str, nullable: bool = False) -> Sequence[Column[Decimal]]:
    return [Column(name, Money, nullable=nullable) for name in names]


def _ms(*names: str, nullable: bool = False) -> Sequence[Column[int]]:
    return [Column(name, Ms, nullable=nullable) for name in names]


intents: Final = _table(
    "intents",
    Column("link_id", String(36), primary_key=True),
    *_text("position_id", "symbol", "side", "purpose", "state", "cause", "trace", "reason"),
    *_money("qty", "margin", "filled"),
    *_money("stop", "average", "equity", nullable=True),
    *_ms("at", "valid_until", "sent_at", "touched_at"),
    Column("decision", Text, nullable=True),
    Column("looks", Integer, nullable=False, default=0),
    Index("intents_by_state", "state"),
    Index("intents_by_symbol", "symbol", "at"),
    Index("intents_by_touch", "touched_at"),
)

orders: Final = _table(  # the venue's own records, as last reported
    "orders",
    Column("order_id", String(64), primary_key=True),
    *_text("link_id", "symbol", "action", "status", "order_type", "stop_order_type", "create_type", "reject_reason"),
    *_money("qty", "filled"),
    *_money("average", "trigger", nullable=True),
    Column("reduce_only", Boolean, nullable=False),
    *_ms("created_at", "updated_at"),
    Index("orders_by_time", "created_at"),
    Index("orders_by_link", "link_id"),
)

executions: Final = _table(  # fills and funding: every row that the venue ever reported, once
    "executions",
    Column("exec_id", String(80), primary_key=True),
    *_text("symbol", "order_id", "link_id", "kind", "action", "create_type", "stop_order_type"),
    *_money("qty", "price", "fee", "closed_qty"),
    *_ms("at", "seq"),
    Column("position_id", String(80), nullable=False, default=""),
    Column("settled", Boolean, nullable=False, default=False),  # its trade is closed
    Column("synthetic", Boolean, nullable=False, default=False),  # an adopted size whose fills the venue forgot
    Index("executions_to_fold", "symbol", "settled"),
    Index("executions_by_order", "link_id"),
)

positions: Final = _table(
    "positions",
    Column("position_id", String(80), primary_key=True),
    *_text("symbol", "side", "status", "trace", "closing", "closing_text"),
    *_money("qty", "entry", "leverage", "margin"),
    *_money("stop", "initial_stop", "atr", "equity", nullable=True),
    Column("version", Integer, nullable=False),
    *_ms("opened_at"),
    *_ms("closed_at", nullable=True),
    Column("decision", Text, nullable=True),
    Column("partial_exits", Text, nullable=False, default="[]"),
    Column("naked_ms", Ms, nullable=False, default=0),
    Index("positions_by_status", "status", "symbol"),
)

trades: Final = _table(
    "trades",
    Column("trade_id", String(80), primary_key=True),
    *_text("symbol", "body"),
    *_money("pnl_usd"),
    *_ms("opened_at", "closed_at"),
    Index("trades_by_time", "closed_at"),
    Index("trades_by_symbol", "symbol", "closed_at"),
)

equity: Final = _table(
    "equity",
    Column("id", _SERIAL, primary_key=True),
    *_ms("at", "wall"),
    *_money("balance", "equity", "available"),
)

outbox: Final = _table(
    "outbox",
    Column("seq", _SERIAL, primary_key=True),
    Column("message_id", String(120), nullable=False, unique=True),
    *_text("schema", "body", "owner"),
    *_ms("at", "written_at"),
    *_ms("published_at", nullable=True),
    Index("outbox_to_publish", "published_at", "seq"),
)

cursors: Final = _table("cursors", Column("name", String(80), primary_key=True), Column("value", Text, nullable=False))

fence: Final = _table(
    "fence",
    Column("symbol", String(20), primary_key=True),
    Column("number", BigInteger, nullable=False),
    *_ms("sent_at"),
)

switch: Final = _table(
    "switch",
    Column("id", Integer, primary_key=True),
    *_text("level", "by", "reason"),
    Column("flattening", Boolean, nullable=False, default=False),
    *_ms("at"),
)

reviews: Final = _table(
    "reviews",
    Column("symbol", String(20), primary_key=True),
    *_text("reason"),
    *_ms("since"),
)

declined: Final = _table(
    "declined",
    Column("id", _SERIAL, primary_key=True),
    *_text("signal_id", "symbol", "side", "rule", "text"),
    *_ms("at"),
    *_ms("until", nullable=True),
    Index("declined_by_signal", "signal_id"),
)

recovery_log: Final = _table(
    "recovery_log",
    Column("id", _SERIAL, primary_key=True),
    *_text("session_id", "kind", "action", "phase", "text"),
    *_ms("wall"),
)

sessions: Final = _table(
    "sessions",
    Column("number", _SERIAL, primary_key=True),
    *_text("session_id", "instance"),
    *_ms("started"),
    *_ms("ended", nullable=True),
    Column("clean", Boolean, nullable=False, default=False),
)
