"""The lists of the audit: where each is kept, in which order it is told, and what a row of it says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from libs.common.exchange.trading_types import ExecutionType
from libs.common.units import Side
from services.paper_exchange.adapters.disk.schema import EXECUTIONS, NAKED, ORDERS, POSITIONS
from services.paper_exchange.core.books.amounts import average, money, plain
from services.paper_exchange.core.books.books import Books
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.books.fields import Json
from services.paper_exchange.core.books.funds import equity

Row = tuple[int, int, int, bytes | str]  # sequence, wall, market time, body
_SIDES: Final = {None: "", Side.LONG: "Buy", Side.SHORT: "Sell"}


@dataclass(frozen=True, slots=True)
class AuditList:
    """One list: its table, which of its rows, what is read of each after (seq, wall), and how a row is told.

    Rows are in the order of (wall, seq); an order or a naked spell has the wall of its last change, and moves with it.
    """

    table: str
    which: str
    columns: str
    told: Callable[[Row, Moment], Json]

    @property
    def rows(self) -> str:
        """The query for rows after one place (wall, seq) and up to another."""
        return f"SELECT seq, wall, {self.columns} {self._span}"

    @property
    def ends(self) -> str:
        """The query for the places of the n-th row of a span and of the one after it."""
        return f"SELECT wall, seq {self._span} LIMIT 2 OFFSET ?"

    @property
    def _span(self) -> str:
        return (
            f"FROM {self.table} WHERE {self.which} AND (wall, seq) > (?, ?) AND (wall, seq) <= (?, ?)"
            " ORDER BY wall, seq"
        )


def _order(row: Row, _moment: Moment) -> Json:
    order = ORDERS.read(_bytes(row))
    return {
        "orderId": order.order_id,
        "orderLinkId": order.link_id,
        "symbol": order.symbol,
        "side": order.action.value,
        "orderType": order.kind.value,
        "qty": plain(order.qty),
        "price": plain(order.price),
        "triggerPrice": plain(order.trigger),
        "stopLoss": plain(order.stop_loss),
        "reduceOnly": order.reduce_only,
        "status": order.status.value,
        "cumExecQty": plain(order.filled),
        "avgPrice": plain(average(order.filled_value, order.filled)) if order.filled else "",
        "positionIdx": order.leg.value,
        "time": order.created_at,
        "wall": row[1],
    }


def _request(row: Row, _moment: Moment) -> Json:
    method, path, symbol, link_id, code = str(row[3]).split("\n")
    return {
        "method": method,
        "path": path,
        "symbol": symbol,
        "orderLinkId": link_id,
        "retCode": int(code),
        "wall": row[1],
    }


def _fill(row: Row, _moment: Moment) -> Json:
    done = EXECUTIONS.read(_bytes(row))
    return {
        "execId": done.exec_id,
        "orderId": done.order_id,
        "orderLinkId": done.link_id,
        "symbol": done.symbol,
        "side": done.action.value,
        "qty": plain(done.qty),
        "price": plain(done.price),
        "fee": plain(done.fee),
        "execType": done.kind.value,
        "grossPnl": plain(done.gross),
        "positionIdx": done.leg.value,
        "time": done.at,
        "wall": row[1],
    }


def _funding(row: Row, _moment: Moment) -> Json:
    paid = EXECUTIONS.read(_bytes(row))
    return {
        "symbol": paid.symbol,
        "positionIdx": paid.leg.value,
        "rate": plain(paid.rate),
        "amount": plain(paid.fee),
        "time": paid.at,
    }


def _position(row: Row, _moment: Moment) -> Json:
    position = POSITIONS.read(_bytes(row))
    return {
        "symbol": position.symbol,
        "side": _SIDES[position.side],
        "size": plain(position.size),
        "entry": plain(position.entry) if position.side else "",
        "stop": plain(position.live_stop),
        "positionIdx": position.leg.value,
        "time": row[2],
        "wall": row[1],
    }


def _naked(row: Row, moment: Moment) -> Json:
    naked = NAKED.read(_bytes(row))
    until = moment.market if naked.until is None else naked.until
    until_up = moment.up_ms if naked.until is None else naked.until_up
    return {
        "symbol": naked.symbol,
        "positionIdx": naked.leg.value,
        "from": naked.since,
        "to": naked.until,
        "market_ms": until - naked.since,
        "up_ms": until_up - naked.since_up,
    }


_FUNDING: Final = f"kind = '{ExecutionType.FUNDING.value}'"
_FILL: Final = f"kind != '{ExecutionType.FUNDING.value}'"
_REQUEST: Final = " || char(10) || ".join(("method", "path", "symbol", "link_id", "ret_code"))
LISTS: Final[Mapping[str, AuditList]] = {
    "orders": AuditList("orders", "true", "created, body", _order),
    "requests": AuditList("requests", "true", f"0, {_REQUEST}", _request),
    "fills": AuditList("executions", _FILL, "at, body", _fill),
    "funding": AuditList("executions", _FUNDING, "at, body", _funding),
    "positions": AuditList("position_rows", "true", "at, body", _position),
    "naked": AuditList("naked", "true", "0, body", _naked),
}


def totals(books: Books) -> Json:
    """What is no list: the wallet and how much is open, now."""
    return {"wallet": _wallet(books), "open": _open(books)}


def _wallet(books: Books) -> Json:
    totals = books.totals
    return {
        "start": plain(totals.start),
        "balance": plain(totals.balance),
        "equity": plain(money(equity(books))),
        "realised": plain(totals.realised),
        "fees": plain(totals.fees),
        "funding": plain(totals.funding),
    }


def _open(books: Books) -> Json:
    return {"positions": len(books.open_positions()), "most_positions": books.totals.most_positions}


def _bytes(row: Sequence[object]) -> bytes:
    body = row[3]
    return body if isinstance(body, bytes) else str(body).encode()
