from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import orjson
import pytest

from libs.common.clock import SystemClock
from libs.common.errors import Refused
from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Price, Qty, Symbol, Usd
from services.paper_exchange.adapters.disk.audit import LISTS
from services.paper_exchange.adapters.disk.books_file import BooksFile
from services.paper_exchange.adapters.http.audit_page import read_place, span, told
from services.paper_exchange.core.books.batch import Batch, RequestMade
from services.paper_exchange.core.books.changes import Change, Moment, OrderChanged
from services.paper_exchange.core.books.order import InForce, Kind, Order, OrderEvent, moved

pytestmark = pytest.mark.anyio
BTC = Symbol("BTCUSDT")
FAR = 10**12


def order(seq: int) -> Order:
    return Order(
        seq=seq, order_id=f"o{seq}", link_id="", symbol=BTC, action=Action.BUY, kind=Kind.LIMIT, qty=Qty(D(1)),
        price=Price(D(9)), in_force=InForce.GTC, created_at=Instant(5), updated_at=Instant(5),
        last_on_created=Price(D(9)), fee=Usd(D(0)),
    )  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Iterator[BooksFile]:
    with BooksFile(tmp_path / "books.db", world="test") as opened:
        yield opened


def keep(file: BooksFile, wall: int, *changes: Change, requests: int = 0) -> None:
    made = [RequestMade("POST", "/v5/order/create", BTC, f"{wall}.{n}", 0) for n in range(requests)]
    file.keep(Batch(changes, made, Moment(Instant(5), Instant(wall), 0)))


async def page(file: BooksFile, since: str = "0", limit: int | None = None, wall: int = FAR) -> dict[str, Any]:
    snapshot = file.snapshot()
    asked = span(snapshot, read_place(since), wall, limit)
    moment = Moment(Instant(5), Instant(wall), 0)
    body = b"".join([piece async for piece in told(snapshot, asked, moment, {"wallet": {}}, SystemClock())])
    read: dict[str, Any] = orjson.loads(body)
    return read


async def pages(file: BooksFile, limit: int) -> list[dict[str, Any]]:
    found, since = [], "0"
    while True:
        found.append(await page(file, since, limit))
        if found[-1]["next"] is None:
            return found
        since = str(found[-1]["next"])


def ids(*found: dict[str, Any]) -> list[str]:
    return [row["orderId"] for each in found for row in each["orders"]]


async def test_no_list_of_a_page_is_longer_than_asked_even_within_one_millisecond(file: BooksFile) -> None:
    keep(file, 7, *(OrderChanged(order(n)) for n in range(1, 6)), requests=9)
    keep(file, 8, OrderChanged(order(6)))
    for limit in (1, 2, 3, 5):
        found = await pages(file, limit)
        assert all(len(each[name]) <= limit for each in found for name in LISTS)
        assert ids(*found) == ["o1", "o2", "o3", "o4", "o5", "o6"]
        assert [row["orderLinkId"] for each in found for row in each["requests"]] == [f"7.{n}" for n in range(9)]


async def test_a_page_that_ends_with_a_millisecond_goes_on_after_its_wall_time(file: BooksFile) -> None:
    keep(file, 7, OrderChanged(order(1)), OrderChanged(order(2)))
    keep(file, 8, OrderChanged(order(3)))
    assert (await page(file, limit=2))["next"] == 7
    assert (await page(file, limit=1))["next"] == "7-1"
    assert ids(await page(file, since="7")) == ["o3"]


async def test_an_order_that_changes_between_two_pages_is_told_again_as_it_is_then(file: BooksFile) -> None:
    keep(file, 7, OrderChanged(order(1)))
    keep(file, 8, OrderChanged(order(2)))
    first = await page(file, limit=1)
    keep(file, 9, OrderChanged(moved(order(1), OrderEvent.CANCEL, Instant(6))))
    rest = await page(file, str(first["next"]), limit=9)
    assert [(row["orderId"], row["status"]) for row in (*first["orders"], *rest["orders"])] == [
        ("o1", "New"), ("o2", "New"), ("o1", "Cancelled"),
    ]  # fmt: skip


async def test_what_happens_while_a_page_is_told_is_not_in_it(file: BooksFile) -> None:
    keep(file, 7, *(OrderChanged(order(n)) for n in range(1, 4)))
    snapshot = file.snapshot()
    pieces = told(snapshot, span(snapshot, (0, 0), 7, None), Moment(Instant(5), Instant(7), 0), {}, SystemClock())
    body = await anext(pieces)
    keep(file, 8, OrderChanged(moved(order(2), OrderEvent.CANCEL, Instant(6))), OrderChanged(order(4)))
    rows = orjson.loads(body + b"".join([piece async for piece in pieces]))["orders"]
    assert [(row["orderId"], row["status"]) for row in rows] == [("o1", "New"), ("o2", "New"), ("o3", "New")]


async def test_more_rows_than_are_told_at_once_are_whole(file: BooksFile) -> None:
    keep(file, 7, *(OrderChanged(order(n)) for n in range(1, 451)))
    assert ids(await page(file)) == [f"o{n}" for n in range(1, 451)]


def test_no_page_reads_a_whole_table_to_find_its_rows(file: BooksFile) -> None:
    for part in LISTS.values():
        for query, values in ((part.rows, (0, 0, 1, 1)), (part.ends, (0, 0, 1, 1, 9))):
            plan = [step for *_, step in file.connection.execute(f"EXPLAIN QUERY PLAN {query}", values)]
            assert len(plan) == 1
            assert plan[0].startswith(f"SEARCH {part.table} USING")


@pytest.mark.parametrize("since", ["", "-1", "x", "1.5", "9" * 16, "1-", "1-2-3", "٣", "1e3"])
def test_a_place_that_is_none_is_refused_by_name(since: str) -> None:
    with pytest.raises(Refused, match="since = "):
        read_place(since)
