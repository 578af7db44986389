"""The books as an oracle: GET /paper/v1/audit, everything that ever happened, for judges and not for traders."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from libs.common.exchange.trading_types import ExecutionType
from libs.common.units import Side
from services.paper_exchange.adapters.schema import EXECUTIONS, NAKED, ORDERS, POSITIONS
from services.paper_exchange.core.amounts import average, money, plain
from services.paper_exchange.core.books import Books
from services.paper_exchange.core.changes import Moment
from services.paper_exchange.core.fields import Json
from services.paper_exchange.core.funds import equity

Row = tuple[int, int, int, bytes | str]  # sequence, wall, market time, body
_SIDES: Final = {None: "", Side.LONG: "Buy", Side.SHORT: "Sell"}


@dataclass(frozen=True, slots=True)
class _List:
    """One list of the audit: its rows in (wall, seq) order, and how a row is told."""

    query: str
    told: Callable[[Row, Moment], Json]


def audit(connection: sqlite3.Connection, books: Books, moment: Moment, *, since: int, limit: int | None) -> Json:
    """Return rows with wall > `since`, at most `limit` a list but never half of a millisecond, and `next`.

    `next` is what to ask `since` with for the page after; null when there is none.
    """
    cut = _cut(connection, since, limit)
    lists: Json = {
        name: [part.told(row, moment) for row in connection.execute(part.query, (since, cut)).fetchall()]
        for name, part in _LISTS.items()
    }
    more = connection.execute(_NEWEST).fetchone()[0] > cut
    return {**lists, "wallet": _wallet(books), "open": _open(books), "next": cut if more else None}


def _cut(connection: sqlite3.Connection, since: int, limit: int | None) -> int:
    """Return the last wall millisecond of the page: no list has more than `limit` rows unless one instant has."""
    if limit is None:
        return 2**62
    ends = []
    for part in _LISTS.values():
        walls = [row[1] for row in connection.execute(f"{part.query} LIMIT ?", (since, 2**62, limit + 1)).fetchall()]
        if len(walls) > limit:
            whole = [wall for wall in walls if wall < walls[-1]]
            ends.append(whole[-1] if whole else walls[-1])
    return min(ends, default=2**62)


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
        "time": done.at,
        "wall": row[1],
    }


def _funding(row: Row, _moment: Moment) -> Json:
    paid = EXECUTIONS.read(_bytes(row))
    return {"symbol": paid.symbol, "rate": plain(paid.rate), "amount": plain(paid.fee), "time": paid.at}


def _position(row: Row, _moment: Moment) -> Json:
    position = POSITIONS.read(_bytes(row))
    return {
        "symbol": position.symbol,
        "side": _SIDES[position.side],
        "size": plain(position.size),
        "entry": plain(position.entry) if position.side else "",
        "stop": plain(position.live_stop),
        "time": row[2],
        "wall": row[1],
    }


def _naked(row: Row, moment: Moment) -> Json:
    naked = NAKED.read(_bytes(row))
    until = moment.market if naked.until is None else naked.until
    until_up = moment.up_ms if naked.until is None else naked.until_up
    return {
        "symbol": naked.symbol,
        "from": naked.since,
        "to": naked.until,
        "market_ms": until - naked.since,
        "up_ms": until_up - naked.since_up,
    }


_FUNDING: Final = ExecutionType.FUNDING.value
_LISTS: Final[Mapping[str, _List]] = {
    "orders": _List(
        "SELECT seq, wall, created, body FROM orders WHERE wall > ? AND wall <= ? ORDER BY wall, seq", _order
    ),
    "requests": _List(
        "SELECT seq, wall, 0, method || char(10) || path || char(10) || symbol || char(10) || link_id || char(10)"
        " || ret_code FROM requests WHERE wall > ? AND wall <= ? ORDER BY wall, seq",
        _request,
    ),
    "fills": _List(
        f"SELECT seq, wall, at, body FROM executions WHERE kind != '{_FUNDING}' AND wall > ? AND wall <= ?"  # noqa: S608
        " ORDER BY wall, seq",
        _fill,
    ),
    "funding": _List(
        f"SELECT seq, wall, at, body FROM executions WHERE kind = '{_FUNDING}' AND wall > ? AND wall <= ?"  # noqa: S608
        " ORDER BY wall, seq",
        _funding,
    ),
    "positions": _List(
        "SELECT seq, wall, at, body FROM position_rows WHERE wall > ? AND wall <= ? ORDER BY wall, seq", _position
    ),
    "naked": _List("SELECT seq, wall, 0, body FROM naked WHERE wall > ? AND wall <= ? ORDER BY wall, seq", _naked),
}
_NEWEST: Final = (
    "SELECT max((SELECT coalesce(max(wall), 0) FROM orders), (SELECT coalesce(max(wall), 0) FROM requests),"
    " (SELECT coalesce(max(wall), 0) FROM executions), (SELECT coalesce(max(wall), 0) FROM position_rows),"
    " (SELECT coalesce(max(wall), 0) FROM naked))"
)


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
