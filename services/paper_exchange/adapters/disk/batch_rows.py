"""A batch as rows of the books: what changed twice in it is written once, as it was last."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from services.paper_exchange.adapters.disk.schema import (
    ACCOUNT,
    CLOSED,
    EXECUTIONS,
    NAKED,
    ORDERS,
    POSITIONS,
    TOTALS,
)
from services.paper_exchange.core.books.batch import Batch
from services.paper_exchange.core.books.changes import (
    AccountChanged,
    Change,
    Executed,
    NakedChanged,
    OrderChanged,
    PartClosed,
    PositionTold,
    Totals,
    WalletChanged,
)
from services.paper_exchange.core.books.leg import Key
from services.paper_exchange.core.books.order import Order
from services.paper_exchange.core.books.position import Position

Value: TypeAlias = str | int | bytes
Row: TypeAlias = tuple[Value, ...]

FACT: Final = "INSERT OR REPLACE INTO facts VALUES (?, ?)"
_ORDER: Final = (
    "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO UPDATE SET"
    " status = excluded.status, open = excluded.open, bare = excluded.bare, wall = excluded.wall, body = excluded.body"
)
_EXECUTION: Final = "INSERT INTO executions VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_CLOSED: Final = "INSERT INTO closed VALUES (?, ?, ?, ?, ?)"
_POSITION: Final = "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)"
_POSITION_ROW: Final = "INSERT INTO position_rows (wall, at, body) VALUES (?, ?, ?)"
_NAKED: Final = "INSERT OR REPLACE INTO naked VALUES (?, ?, ?, ?)"
_REQUEST: Final = "INSERT INTO requests (method, path, symbol, link_id, ret_code, wall) VALUES (?, ?, ?, ?, ?, ?)"


class Rows:
    """The rows of one batch, by the statement that writes them."""

    def __init__(self, batch: Batch) -> None:
        self._wall = batch.moment.wall
        self._orders: dict[int, Order] = {}
        self._positions: dict[Key, Position] = {}
        self._totals: Totals | None = None
        self._facts: dict[str, str] = {}
        self._naked: dict[int, Row] = {}
        self._executions: list[Row] = []
        self._closed: list[Row] = []
        self._position_rows: list[Row] = []
        self._requests = [(r.method, r.path, r.symbol, r.link_id, r.ret_code, self._wall) for r in batch.requests]
        for change in batch.changes:
            self._take(change)
        if self._totals is not None:
            self._facts["totals"] = TOTALS.write(self._totals).decode()
        moment = batch.moment
        self._facts |= {"market_ms": str(moment.market), "wall_ms": str(moment.wall), "up_ms": str(moment.up_ms)}

    def by_statement(self) -> Sequence[tuple[str, Sequence[Row]]]:
        found: list[tuple[str, Sequence[Row]]] = [
            (_ORDER, [self._order(order) for order in self._orders.values()]),
            (_EXECUTION, self._executions),
            (_CLOSED, self._closed),
            (_POSITION, [(*key, POSITIONS.write(position)) for key, position in self._positions.items()]),
            (_POSITION_ROW, self._position_rows),
            (_NAKED, [*self._naked.values()]),
            (_REQUEST, self._requests),
            (FACT, [*self._facts.items()]),
        ]
        return [(statement, rows) for statement, rows in found if rows]

    def _take(self, change: Change) -> None:
        match change:
            case OrderChanged(order):
                self._orders[order.seq] = order
            case Executed(e):
                body = EXECUTIONS.write(e)
                self._executions.append(
                    (e.seq, e.order_id, e.link_id, e.symbol, e.kind.value, e.at, self._wall, body),
                )
            case PartClosed(p):
                self._closed.append((p.seq, p.order_id, p.symbol, p.at, CLOSED.write(p)))
            case PositionTold(position, _, changed, at):
                self._positions[position.key] = position
                if changed:
                    self._position_rows.append((self._wall, at, POSITIONS.write(position)))
            case WalletChanged(totals):
                self._totals = totals
            case AccountChanged(account):
                self._facts["account"] = ACCOUNT.write(account).decode()
            case NakedChanged(n):
                self._naked[n.number] = (n.number, n.until is None, self._wall, NAKED.write(n))

    def _order(self, order: Order) -> Row:
        return (
            order.seq,
            order.order_id,
            order.link_id,
            order.symbol,
            order.status.value,
            not order.status.is_terminal,
            not order.filled,
            order.trigger is not None,
            order.created_at,
            self._wall,
            ORDERS.write(order),
        )
