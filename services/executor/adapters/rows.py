"""Between the ledger's rows and our values, both ways.

What is asked often is a statement made once, with parameters: putting one together costs the library three times what
the database takes for it.
"""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Final

import orjson
from pydantic import TypeAdapter
from sqlalchemy import Connection, Insert, Row, Select, Table, Update, bindparam, insert, select, update

from libs.common.contracts.positions import OpenPosition, PartialExit
from libs.common.contracts.signals import Decision
from libs.common.contracts.trades import CloseReason
from libs.common.exchange.trading_types import Action, Execution, ExecutionType, OrderStatus, VenueOrder
from libs.common.ids import OrderLinkId
from libs.common.units import Instant, Side, Symbol
from services.executor.core.intent import Intent
from services.executor.core.kept import Kept, PositionStatus
from services.executor.core.order import OrderState
from services.executor.core.position import Booked

Values = Mapping[str, object]
KEY: Final = "key_"  # before the names of parameters: the library keeps the columns' own for itself
NEW: Final = "new_"
_EXITS: Final = TypeAdapter(tuple[PartialExit, ...])


class Rows:
    """A part of one transaction: everything it does happens together with all the rest, or not at all."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def _put(self, table: Table, values: Values) -> None:
        """Insert or replace by primary key; a write transaction is alone, so nobody slips in between."""
        if not self._amend(table, values):
            self._add(table, values)

    def _add(self, table: Table, values: Values) -> None:
        self.db.execute(_insertion(table), dict(values))

    def _amend(self, table: Table, values: Values) -> bool:
        keys = {f"{KEY}{column.name}": values[column.name] for column in table.primary_key}
        amended = {f"{NEW}{name}": value for name, value in values.items()}
        return self.db.execute(_amendment(table, tuple(values)), keys | amended).rowcount > 0

    def _has(self, table: Table, key: str) -> bool:
        return self.db.execute(_presence(table), {"key": key}).first() is not None


@cache
def _insertion(table: Table) -> Insert:
    return insert(table)


@cache
def _amendment(table: Table, names: tuple[str, ...]) -> Update:
    keys = [column == bindparam(f"{KEY}{column.name}") for column in table.primary_key]
    return update(table).where(*keys).values({name: bindparam(f"{NEW}{name}") for name in names})


@cache
def _presence(table: Table) -> Select[tuple[str]]:
    (column,) = table.primary_key
    return select(column).where(column == bindparam("key"))


def _fields(value: Intent | Execution | VenueOrder) -> Values:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def decision_text(decision: Decision | None) -> str | None:
    return None if decision is None else decision.model_dump_json()


def decision_of(text: str | None) -> Decision | None:
    return None if text is None else Decision.model_validate_json(text)


def intent_values(intent: Intent) -> Values:
    return {**_fields(intent), "decision": decision_text(intent.decision)}


def intent_of(row: Row[tuple[object, ...]]) -> Intent:
    r = row._mapping
    return Intent(
        link_id=OrderLinkId(r["link_id"]),
        position_id=r["position_id"],
        symbol=Symbol(r["symbol"]),
        side=Side(r["side"]),
        purpose=r["purpose"],
        qty=r["qty"],
        stop=r["stop"],
        margin=r["margin"],
        state=OrderState(r["state"]),
        cause=r["cause"],
        trace=r["trace"],
        at=Instant(r["at"]),
        valid_until=Instant(r["valid_until"]),
        sent_at=Instant(r["sent_at"]),
        touched_at=Instant(r["touched_at"]),
        filled=r["filled"],
        average=r["average"],
        reason=r["reason"],
        equity=r["equity"],
        decision=decision_of(r["decision"]),
        looks=r["looks"],
    )


def execution_values(done: Execution) -> Values:
    return _fields(done)


def booked_of(row: Row[tuple[object, ...]]) -> Booked:
    r = row._mapping
    done = Execution(
        exec_id=r["exec_id"],
        symbol=Symbol(r["symbol"]),
        order_id=r["order_id"],
        link_id=r["link_id"],
        kind=ExecutionType(r["kind"]),
        action=Action(r["action"]),
        qty=r["qty"],
        price=r["price"],
        fee=r["fee"],
        closed_qty=r["closed_qty"],
        create_type=r["create_type"],
        stop_order_type=r["stop_order_type"],
        at=Instant(r["at"]),
        seq=r["seq"],
    )
    return Booked(done, r["position_id"])


def order_values(order: VenueOrder) -> Values:
    return {name: value for name, value in _fields(order).items() if name != "stop_loss"}  # kept with its intent


def order_of(row: Row[tuple[object, ...]]) -> VenueOrder:
    r = row._mapping
    return VenueOrder(
        symbol=Symbol(r["symbol"]),
        order_id=r["order_id"],
        link_id=r["link_id"],
        action=Action(r["action"]),
        status=OrderStatus(r["status"]),
        order_type=r["order_type"],
        stop_order_type=r["stop_order_type"],
        create_type=r["create_type"],
        qty=r["qty"],
        filled=r["filled"],
        average=r["average"],
        trigger=r["trigger"],
        reduce_only=r["reduce_only"],
        reject_reason=r["reject_reason"],
        created_at=Instant(r["created_at"]),
        updated_at=Instant(r["updated_at"]),
    )


def kept_values(kept: Kept) -> Values:
    position = kept.position
    return {
        "position_id": position.position_id,
        "symbol": position.symbol,
        "side": position.side,
        "qty": position.qty,
        "entry": position.entry,
        "stop": position.stop,
        "initial_stop": position.initial_stop,
        "atr": position.atr,
        "version": position.version,
        "leverage": position.leverage,
        "margin": position.margin,
        "opened_at": position.opened_at,
        "status": kept.status,
        "closing": kept.closing or "",
        "closing_text": kept.closing_text,
        "equity": kept.equity,
        "naked_ms": kept.naked_ms,
        "trace": kept.trace,
        "closed_at": kept.closed_at,
        "decision": decision_text(position.decision),
        "partial_exits": orjson.dumps([exit_.model_dump(mode="json") for exit_ in position.partial_exits]).decode(),
    }


def kept_of(row: Row[tuple[object, ...]]) -> Kept:
    r = row._mapping
    position = OpenPosition(
        position_id=r["position_id"],
        symbol=Symbol(r["symbol"]),
        side=Side(r["side"]),
        qty=r["qty"],
        entry=r["entry"],
        stop=r["stop"],
        initial_stop=r["initial_stop"],
        version=r["version"],
        leverage=r["leverage"],
        margin=r["margin"],
        opened_at=Instant(r["opened_at"]),
        atr=r["atr"],
        decision=decision_of(r["decision"]),
        partial_exits=_EXITS.validate_json(r["partial_exits"]),
    )
    return Kept(
        position=position,
        status=PositionStatus(r["status"]),
        closing=CloseReason(r["closing"]) if r["closing"] else None,
        closing_text=r["closing_text"],
        equity=r["equity"],
        naked_ms=r["naked_ms"],
        trace=r["trace"],
        closed_at=None if r["closed_at"] is None else Instant(r["closed_at"]),
    )
