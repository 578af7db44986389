"""Pages of the ledger for readers: newest first, with a cursor that stays right while rows are added."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import orjson
from pydantic import JsonValue
from sqlalchemy import Column, ColumnElement, Row, Table, and_, or_, select

from services.executor.adapters import schema
from services.executor.adapters.rows import Rows

Json = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader wants: `since` and `until` are market ms, the cursor is a `next` of an earlier answer."""

    limit: int = 100
    cursor: str = ""
    symbol: str = ""
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    table: Table
    time: str
    key: str
    shape: Callable[[Row[tuple[object, ...]]], Json]


def shown(value: object) -> JsonValue:
    """Money as a plain string, everything else as JSON has it."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def _whole(row: Row[tuple[object, ...]]) -> Json:
    return {name: shown(value) for name, value in row._mapping.items()}


def _intent(row: Row[tuple[object, ...]]) -> Json:
    decision = row._mapping["decision"]
    return {**_whole(row), "decision": None if decision is None else orjson.loads(decision)}


def _trade(row: Row[tuple[object, ...]]) -> Json:
    body: Json = orjson.loads(row._mapping["body"])
    return body


TRADES: Final = Listing(schema.trades, "closed_at", "trade_id", _trade)
INTENTS: Final = Listing(schema.intents, "at", "link_id", _intent)
ORDERS: Final = Listing(schema.orders, "created_at", "order_id", _whole)
EXECUTIONS: Final = Listing(schema.executions, "at", "exec_id", _whole)
RECOVERY_LOG: Final = Listing(schema.recovery_log, "wall", "id", _whole)
DECLINED: Final = Listing(schema.declined, "at", "id", _whole)


class ListRows(Rows):
    """Everything that is only looked at."""

    def page(self, listing: Listing, asked: Asked) -> tuple[Sequence[Json], str | None]:
        """Return one page and the cursor of the next, None at the end. Raises ValueError for a made-up cursor."""
        c = listing.table.c
        time, key = c[listing.time], c[listing.key]
        query = select(listing.table).order_by(time.desc(), key.desc()).limit(asked.limit + 1)
        if asked.symbol:
            if "symbol" not in c:
                raise ValueError("symbol: nothing of one symbol alone is listed here")
            query = query.where(c.symbol == asked.symbol)
        if asked.since is not None:
            query = query.where(time >= asked.since)
        if asked.until is not None:
            query = query.where(time < asked.until)
        if asked.cursor:
            query = query.where(_after(asked.cursor, time, key))
        rows = self.db.execute(query).all()
        page = rows[: asked.limit]
        last = page[-1]._mapping if len(rows) > asked.limit else None
        following = None if last is None else f"{last[listing.time]}~{last[listing.key]}"
        return [listing.shape(row) for row in page], following


def _after(cursor: str, time: Column[int], key: Column[str]) -> ColumnElement[bool]:
    at, found, last = cursor.partition("~")
    numbered = key.type.python_type is int
    if not found or not _is_number(at) or (numbered and not _is_number(last)):
        raise ValueError(f"no cursor of ours: {cursor!r}")
    boundary: int | str = int(last) if numbered else last
    return or_(time < int(at), and_(time == int(at), key < boundary))


def _is_number(text: str) -> bool:
    """Whether the store can hold it: 64 bits have 19 digits."""
    return text.isascii() and text.isdigit() and len(text) < 19
