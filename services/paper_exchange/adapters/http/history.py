"""Listings from the books on disk: orders, executions and closed profits, newest first, page by page."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from pydantic import JsonValue

from libs.common.units import DAY_MS, Instant
from services.paper_exchange.adapters.disk.schema import CLOSED, EXECUTIONS, ORDERS, Codec
from services.paper_exchange.core.books.changes import ClosedPart
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.books.refusals import bad
from services.paper_exchange.core.dialect.rows import closed_row, execution_row, order_row
from services.paper_exchange.core.dialect.search import Search, read_search

Row = TypeVar("Row")
Listing = Callable[[sqlite3.Connection, Fields, Instant], Json]
CLOSED_KEPT: Final = 500
BARE_KEPT_MS: Final = DAY_MS  # a cancelled order without fills is forgotten after this


def open_orders(books: sqlite3.Connection, fields: Fields, now: Instant) -> Json:
    """order/realtime: open orders, or by id an order whatever its state."""
    search = read_search(fields, now, most=50, usual=20)
    if search is None:
        return _nothing(fields)
    if not (search.symbol or search.by_id or fields.has("settleCoin")):
        raise bad("params error: symbol, settleCoin or baseCoin required")
    terms = _Terms(search)
    if not search.by_id:
        kind = fields.text("orderFilter")
        if kind:
            terms.add("stop_order = ?", kind == "StopOrder")
        if fields.whole("openOnly", 0):
            terms.add("NOT open AND seq > (SELECT coalesce(max(seq), 0) - ? FROM orders)", CLOSED_KEPT)
        else:
            terms.add("open")
    return _page(books, "orders", terms, ORDERS, order_row, search)


def order_history(books: sqlite3.Connection, fields: Fields, now: Instant) -> Json:
    search = read_search(fields, now, most=50, usual=20, kind="orderStatus")
    if search is None:
        return _nothing(fields)
    terms = _Terms(search)
    if not search.by_id:
        terms.add("created BETWEEN ? AND ?", search.start, search.end)
        if search.kind:
            terms.add("status = ?", search.kind)
        if fields.text("orderFilter"):
            terms.add("stop_order = ?", fields.text("orderFilter") == "StopOrder")
    terms.add("NOT (status IN ('Cancelled', 'Deactivated') AND bare AND created < ?)", now - BARE_KEPT_MS)
    return _page(books, "orders", terms, ORDERS, order_row, search)


def executions(books: sqlite3.Connection, fields: Fields, now: Instant) -> Json:
    """execution/list: fills and funding settlements."""
    search = read_search(fields, now, most=100, usual=50, kind="execType")
    if search is None:
        return _nothing(fields)
    terms = _Terms(search)
    if not search.by_id:
        terms.add("at BETWEEN ? AND ?", search.start, search.end)
        if search.kind:
            terms.add("kind = ?", search.kind)
    return _page(books, "executions", terms, EXECUTIONS, execution_row, search)


def closed_profits(books: sqlite3.Connection, fields: Fields, now: Instant) -> Json:
    """position/closed-pnl: one row a closing order, however many fills it took; it is as old as its newest fill."""
    search = read_search(fields, now, most=100, usual=50)
    if search is None:
        return _nothing(fields)
    terms = _Terms(search)
    terms.add("at BETWEEN ? AND ?", search.start, search.end)
    terms.add(
        "NOT EXISTS (SELECT 1 FROM closed later WHERE later.order_id = closed.order_id AND later.seq > closed.seq)"
    )

    def whole(last: ClosedPart) -> Json:
        parts = books.execute("SELECT body FROM closed WHERE order_id = ? ORDER BY seq", (last.order_id,))
        return closed_row([CLOSED.read(body) for (body,) in parts])

    return _page(books, "closed", terms, CLOSED, whole, search)


LISTINGS: Final[Mapping[str, Listing]] = {
    "/v5/order/realtime": open_orders,
    "/v5/order/history": order_history,
    "/v5/execution/list": executions,
    "/v5/position/closed-pnl": closed_profits,
}


class _Terms:
    """The conditions of one search; the venue's order id outranks the client's, both outrank the rest."""

    def __init__(self, search: Search) -> None:
        self.where: list[str] = []
        self.values: list[str | int] = []
        if search.order_id:
            self.add("order_id = ?", search.order_id)
        elif search.link_id:
            self.add("link_id = ?", search.link_id)
        elif search.symbol:
            self.add("symbol = ?", search.symbol)
        if search.before is not None:
            self.add("seq < ?", search.before)

    def add(self, condition: str, *values: str | int) -> None:
        self.where.append(condition)
        self.values.extend(values)


def _page(
    books: sqlite3.Connection,
    table: str,
    terms: _Terms,
    codec: Codec[Row],
    told: Callable[[Row], Json],
    search: Search,
) -> Json:
    query = f"SELECT seq, body FROM {table} WHERE {' AND '.join(terms.where) or '1'} ORDER BY seq DESC LIMIT ?"  # noqa: S608
    found: Sequence[tuple[int, bytes]] = books.execute(query, (*terms.values, search.limit + 1)).fetchall()
    shown = found[: search.limit]
    more = str(shown[-1][0]) if len(found) > search.limit else ""
    rows: list[JsonValue] = [told(codec.read(body)) for _, body in shown]
    return {"category": "linear", "nextPageCursor": more, "list": rows}


def _nothing(fields: Fields) -> Json:
    return {"category": fields.text("category"), "nextPageCursor": "", "list": []}
