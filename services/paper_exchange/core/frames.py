"""The private streams: which frames a change of the books becomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from services.paper_exchange.core.amounts import plain
from services.paper_exchange.core.books import Books
from services.paper_exchange.core.changes import Change, Executed, OrderChanged, PositionTold, WalletChanged
from services.paper_exchange.core.fields import Json
from services.paper_exchange.core.rows import execution_row, order_row, position_row, wallet_row


@dataclass(frozen=True, slots=True)
class PrivateFrame:
    topic: str
    row: Json


def frames(changes: Sequence[Change], books: Books) -> list[PrivateFrame]:
    """Return the frames in the order of the changes; several wallet changes in a row are told once."""
    told = [frame for change in changes if (frame := _frame(change, books)) is not None]
    return [f for f, after in zip_longest(told, told[1:]) if not (after and f.topic == after.topic == "wallet")]


def _frame(change: Change, books: Books) -> PrivateFrame | None:
    match change:
        case OrderChanged(order):
            return PrivateFrame(
                "order", {"category": "linear", **order_row(order), "feeCurrency": "", "closedPnl": "0"}
            )
        case Executed(done):
            row = {"category": "linear", **execution_row(done), "isLeverage": "", "marketUnit": ""}
            return PrivateFrame("execution", {**row, "execPnl": plain(done.gross)})
        case PositionTold(position):
            row = {"category": "linear", **position_row(books, position)}
            row["entryPrice"] = row.pop("avgPrice")
            return PrivateFrame("position", row)
        case WalletChanged():
            return PrivateFrame("wallet", wallet_row(books))
        case _:
            return None
