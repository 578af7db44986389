"""The private streams: which frames a change of the books becomes."""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import zip_longest

from services.paper_exchange.core.books.amounts import plain
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import (
    Change,
    Executed,
    Execution,
    OrderChanged,
    PositionTold,
    WalletChanged,
)
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.books.order import Order
from services.paper_exchange.core.books.position import Position
from services.paper_exchange.core.dialect.rows import execution_row, order_row, position_row, wallet_row


class PrivateFrame:
    """Its row is written when somebody wants it: a wallet's costs as much as there are positions."""

    def __init__(self, topic: str, write: Callable[[], Json]) -> None:
        self.topic = topic
        self._write = write

    @cached_property
    def row(self) -> Json:
        return self._write()


def frames(changes: Sequence[Change], books: Books) -> list[PrivateFrame]:
    """Return the frames in the order of the changes; several wallet changes in a row are told once."""
    told = [frame for change in changes if (frame := _frame(change, books)) is not None]
    return [f for f, after in zip_longest(told, told[1:]) if not (after and f.topic == after.topic == "wallet")]


def _frame(change: Change, books: Books) -> PrivateFrame | None:
    match change:
        case OrderChanged(order):
            return PrivateFrame("order", lambda: _order(order))
        case Executed(done):
            return PrivateFrame("execution", lambda: _execution(done))
        case PositionTold(position):
            return PrivateFrame("position", lambda: _position(position, books))
        case WalletChanged():
            return PrivateFrame("wallet", lambda: wallet_row(books))
        case _:
            return None


def _order(order: Order) -> Json:
    return {"category": "linear", **order_row(order), "feeCurrency": "", "closedPnl": "0"}


def _execution(done: Execution) -> Json:
    row = {"category": "linear", **execution_row(done), "isLeverage": "", "marketUnit": ""}
    return {**row, "execPnl": plain(done.gross)}


def _position(position: Position, books: Books) -> Json:
    row = {"category": "linear", **position_row(books, position)}
    row["entryPrice"] = row.pop("avgPrice")
    return row
