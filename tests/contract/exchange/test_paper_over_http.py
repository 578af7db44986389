"""The paper exchange at its door: signatures, limits, bad input, its audit and its misfortunes."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from libs.common.clock import SystemClock
from tests.support.paper_venue import PaperVenue, paper_venue

pytestmark = pytest.mark.anyio


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[PaperVenue]:
    async with paper_venue(tmp_path, limits=True) as served:
        yield served


def headers(payload: bytes, *, key: str = "paper", secret: str = "paper", late_ms: int = 0) -> dict[str, str]:
    at = str(SystemClock().now() - late_ms)
    sign = hmac.new(secret.encode(), f"{at}{key}5000".encode() + payload, hashlib.sha256).hexdigest()
    return {"X-BAPI-API-KEY": key, "X-BAPI-TIMESTAMP": at, "X-BAPI-RECV-WINDOW": "5000", "X-BAPI-SIGN": sign}


async def post(venue: PaperVenue, path: str, body: bytes, **signing: Any) -> httpx.Response:
    return await venue.http.post(f"/v5/{path}", content=body, headers=headers(body, **signing))


async def get(venue: PaperVenue, path: str, query: str = "") -> dict[str, Any]:
    raw = query.encode()
    answer: dict[str, Any] = (await venue.http.get(f"/v5/{path}?{query}", headers=headers(raw))).json()
    return answer


def entry(**changes: Any) -> bytes:
    usual = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.001"}
    return orjson.dumps({**usual, **changes})


@pytest.mark.parametrize(
    ("signing", "code"),
    [
        ({"key": "other"}, 10003),
        ({"key": "other", "late_ms": 9_000}, 10003),
        ({"late_ms": 5_500}, 10002),
        ({"late_ms": -1_500}, 10002),
        ({"late_ms": 5_500, "secret": "other"}, 10002),
        ({"secret": "other"}, 10004),
    ],
)
async def test_key_then_time_then_signature_are_checked(venue: PaperVenue, signing: Any, code: int) -> None:
    answer = await post(venue, "order/create", entry(), **signing)
    assert (answer.status_code, answer.json()["retCode"]) == (200, code)
    audit: Any = await venue.audit()
    assert [row["retCode"] for row in audit["requests"]] == [code]
    assert audit["orders"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"qty": NaN}',
        b"\xff\xfe",
        b"{" + b" " * 70_000 + b"}",
        entry(symbol=["BTCUSDT"]),
        entry(symbol={"a": 1}),
        entry(qty=-1),
        entry(qty="Infinity"),
        entry(qty=1e300),
        entry(orderLinkId=7.5),
        entry(reduceOnly="maybe"),
        entry(positionIdx="x"),
        entry(side=None),
        entry(stopLoss=[]),
    ],
)
async def test_bad_input_gets_the_venues_envelope_and_changes_nothing(venue: PaperVenue, body: bytes) -> None:
    answer = await post(venue, "order/create", body)
    assert answer.status_code == 200
    assert answer.json()["retCode"] == 10001
    assert answer.json()["result"] == {}
    assert venue.world.books.positions == {}


async def test_the_eleventh_creation_in_a_second_is_one_too_many(venue: PaperVenue) -> None:
    answers = [await post(venue, "order/create", entry(qty="0")) for _ in range(11)]
    assert [answer.json()["retCode"] for answer in answers[:10]] == [10001] * 10
    last = answers[10]
    assert last.json()["retCode"] == 10006
    assert last.headers["X-Bapi-Limit"] == "10"
    assert int(last.headers["X-Bapi-Limit-Reset-Timestamp"]) >= last.json()["time"] + 90


async def test_a_signed_question_without_parameters_may_end_in_a_question_mark(venue: PaperVenue) -> None:
    assert (await get(venue, "account/info"))["result"]["unifiedMarginStatus"] == 5


async def test_executions_come_page_by_page_and_no_row_twice(venue: PaperVenue) -> None:
    for number in range(5):
        assert (await post(venue, "order/create", entry(orderLinkId=f"n{number}"))).json()["retCode"] == 0
    found, cursor = [], ""
    while True:
        page = (await get(venue, "execution/list", f"category=linear&symbol=BTCUSDT&limit=2&cursor={cursor}"))["result"]
        found += [row["orderLinkId"] for row in page["list"]]
        cursor = page["nextPageCursor"]
        if not cursor:
            break
    assert found == ["n4", "n3", "n2", "n1", "n0"]


async def test_more_than_seven_days_of_market_time_cannot_be_asked_at_once(venue: PaperVenue) -> None:
    answer = await get(venue, "execution/list", f"category=linear&startTime=0&endTime={8 * 86_400_000}")
    assert answer["retCode"] == 10001


async def test_another_market_is_an_empty_list(venue: PaperVenue) -> None:
    answer = await get(venue, "position/list", "category=inverse&settleCoin=BTC")
    assert (answer["retCode"], answer["result"]["list"]) == (0, [])


async def test_the_audit_comes_in_pages_that_add_up_to_the_whole(venue: PaperVenue) -> None:
    for number in range(6):
        await post(venue, "order/create", entry(orderLinkId=f"n{number}", stopLoss="1000"))
    whole: Any = await venue.audit()
    pages: list[Any] = []
    since = 0
    while True:
        page: Any = await venue.audit(since=since, limit=2)
        pages.append(page)
        if page["next"] is None:
            break
        since = page["next"]
    for name in ("orders", "fills", "positions", "requests", "naked"):
        assert [row for page in pages for row in page[name]] == whole[name]
    assert len(pages) > 2
    assert whole["next"] is None


async def test_a_dropped_reply_leaves_the_order_in_the_books(venue: PaperVenue) -> None:
    await venue.http.post("/paper/v1/faults", json={"rule": "drop_reply", "endpoint": "order/create"})
    with pytest.raises(httpx.RemoteProtocolError):
        await post(venue, "order/create", entry(orderLinkId="lost"))
    assert (await post(venue, "order/create", entry(orderLinkId="lost"))).json()["retCode"] == 110072


async def test_a_request_delayed_past_its_window_is_late(venue: PaperVenue) -> None:
    rule = {"rule": "delay", "endpoint": "order/create", "delay_ms": 200, "times": 2}
    await venue.http.post("/paper/v1/faults", json=rule)
    assert (await post(venue, "order/create", entry(), late_ms=4_900)).json()["retCode"] == 10002
    assert (await post(venue, "order/create", entry())).json()["retCode"] == 0


async def test_a_refusal_on_order_happens_as_often_as_ordered_and_to_that_symbol(venue: PaperVenue) -> None:
    rule = {"rule": "refuse", "endpoint": "order/create", "symbol": "BTCUSDT", "ret_code": 10016}
    await venue.http.post("/paper/v1/faults", json=rule)
    assert (await post(venue, "order/create", entry(symbol="ETHUSDT", qty="0.1"))).json()["retCode"] == 0
    assert (await post(venue, "order/create", entry())).json()["retCode"] == 10016
    assert (await post(venue, "order/create", entry())).json()["retCode"] == 0


@pytest.mark.parametrize("body", ["", "[]", '{"rule": "quake"}', '{"rule": "delay", "delay_ms": -1}'])
async def test_a_wrong_fault_is_said_to_be_wrong(venue: PaperVenue, body: str) -> None:
    answer = await venue.http.post("/paper/v1/faults", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
