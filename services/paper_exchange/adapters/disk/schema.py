"""Tables of the exchange's books, and how their rows are written and read."""

from typing import Final, Generic, TypeVar

from pydantic import TypeAdapter

from services.paper_exchange.core.books.changes import Account, ClosedPart, Execution, Naked, Totals
from services.paper_exchange.core.books.order import Order
from services.paper_exchange.core.books.position import Position

Row = TypeVar("Row")

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE, link_id TEXT NOT NULL, symbol TEXT NOT NULL,
    status TEXT NOT NULL, open INTEGER NOT NULL, bare INTEGER NOT NULL, stop_order INTEGER NOT NULL,
    created INTEGER NOT NULL, wall INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS orders_link ON orders (link_id) WHERE link_id != '';
CREATE INDEX IF NOT EXISTS orders_open ON orders (seq) WHERE open;
CREATE INDEX IF NOT EXISTS orders_created ON orders (created);
CREATE INDEX IF NOT EXISTS orders_wall ON orders (wall);
CREATE TABLE IF NOT EXISTS executions (
    seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL, link_id TEXT NOT NULL, symbol TEXT NOT NULL,
    kind TEXT NOT NULL, at INTEGER NOT NULL, wall INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS executions_order ON executions (order_id);
CREATE INDEX IF NOT EXISTS executions_at ON executions (at);
CREATE INDEX IF NOT EXISTS executions_fills ON executions (wall) WHERE kind != 'Funding';
CREATE INDEX IF NOT EXISTS executions_funding ON executions (wall) WHERE kind = 'Funding';
CREATE TABLE IF NOT EXISTS closed (
    seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL, symbol TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS closed_order ON closed (order_id, seq);
CREATE TABLE IF NOT EXISTS positions (symbol TEXT NOT NULL, leg INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (symbol, leg)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position_rows (seq INTEGER PRIMARY KEY, wall INTEGER NOT NULL, at INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS position_rows_wall ON position_rows (wall);
CREATE TABLE IF NOT EXISTS naked (seq INTEGER PRIMARY KEY, still INTEGER NOT NULL, wall INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS naked_wall ON naked (wall);
CREATE INDEX IF NOT EXISTS naked_still ON naked (seq) WHERE still;
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY, method TEXT NOT NULL, path TEXT NOT NULL, symbol TEXT NOT NULL, link_id TEXT NOT NULL,
    ret_code INTEGER NOT NULL, wall INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS requests_wall ON requests (wall);
"""


class Codec(Generic[Row]):
    """One kind of row as JSON; Decimals are strings."""

    def __init__(self, kind: type[Row]) -> None:
        self._adapter = TypeAdapter(kind)

    def write(self, row: Row) -> bytes:
        return self._adapter.dump_json(row)

    def read(self, body: bytes) -> Row:
        return self._adapter.validate_json(body)


ORDERS: Final = Codec(Order)
EXECUTIONS: Final = Codec(Execution)
CLOSED: Final = Codec(ClosedPart)
POSITIONS: Final = Codec(Position)
NAKED: Final = Codec(Naked)
TOTALS: Final = Codec(Totals)
ACCOUNT: Final = Codec(Account)
