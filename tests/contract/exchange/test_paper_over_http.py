"""The paper exchange at its door: signatures, limits, bad input and pages."""

from collections.abc import AsyncIterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from tests.support.bybit_signed import ask, entry, post
from tests.support.paper_venue import PaperVenue, paper_venue

pytestmark = pytest.mark.anyio


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[PaperVenue]:
    async with paper_venue(tmp_path, limits=True) as served:
        yield served


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
    answer = await post(venue.http, "order/create", entry(), **signing)
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
    answer = await post(venue.http, "order/create", body)
    assert answer.status_code == 200
    assert answer.json()["retCode"] == 10001
    assert answer.json()["result"] == {}
    assert venue.world.books.positions == {}


async def test_the_eleventh_creation_in_a_second_is_one_too_many(venue: PaperVenue) -> None:
    answers = [await post(venue.http, "order/create", entry(qty="0")) for _ in range(11)]
    assert [answer.json()["retCode"] for answer in answers[:10]] == [10001] * 10
    last = answers[10]
    assert last.json()["retCode"] == 10006
    assert last.headers["X-Bapi-Limit"] == "10"
    assert int(last.headers["X-Bapi-Limit-Reset-Timestamp"]) >= last.json()["time"] + 90


async def test_a_signed_question_without_parameters_may_end_in_a_question_mark(venue: PaperVenue) -> None:
    assert (await ask(venue.http, "account/info"))["result"]["unifiedMarginStatus"] == 5


async def test_executions_come_page_by_page_and_no_row_twice(venue: PaperVenue) -> None:
    for number in range(5):
        assert (await post(venue.http, "order/create", entry(orderLinkId=f"n{number}"))).json()["retCode"] == 0
    found, cursor = [], ""
    while True:
        page = (await ask(venue.http, "execution/list", f"category=linear&symbol=BTCUSDT&limit=2&cursor={cursor}"))[
            "result"
        ]
        found += [row["orderLinkId"] for row in page["list"]]
        cursor = page["nextPageCursor"]
        if not cursor:
            break
    assert found == ["n4", "n3", "n2", "n1", "n0"]


async def test_an_order_that_closed_in_several_fills_is_one_closed_profit(tmp_path: Path) -> None:
    async with paper_venue(tmp_path, balance="1000000") as venue:
        wide = {"slippageToleranceType": "Percent", "slippageTolerance": "5"}
        for side, link_id in (("Buy", "in0"), ("Sell", "out0"), ("Buy", "in1"), ("Sell", "out1")):
            done = await post(venue.http, "order/create", entry(side=side, qty="6", orderLinkId=link_id, **wide))
            assert done.json()["retCode"] == 0
            await venue.steps(60_000)
        found, cursor = [], ""
        while True:
            query = f"category=linear&symbol=BTCUSDT&limit=1&cursor={cursor}"
            page = (await ask(venue.http, "position/closed-pnl", query))["result"]
            found += page["list"]
            cursor = page["nextPageCursor"]
            if not cursor:
                break
        rows = (await ask(venue.http, "execution/list", "category=linear&symbol=BTCUSDT&limit=100"))["result"]["list"]
        for row, link_id in zip(found, ("out1", "out0"), strict=True):
            fills = [each for each in rows if each["orderLinkId"] == link_id]
            assert len(fills) > 1
            assert (row["orderId"], row["fillCount"]) == (fills[0]["orderId"], str(len(fills)))
            assert D(row["closedSize"]) == sum(D(each["closedSize"]) for each in fills) == 6
            assert D(row["cumExitValue"]) == sum(D(each["execValue"]) for each in fills)
            assert D(row["closeFee"]) == sum(D(each["execFee"]) for each in fills)
        wallet = (await ask(venue.http, "account/wallet-balance", "accountType=UNIFIED"))["result"]["list"][0]["coin"][
            0
        ]
        assert sum(D(row["closedPnl"]) for row in found) == D(wallet["cumRealisedPnl"])


async def test_more_than_seven_days_of_market_time_cannot_be_asked_at_once(venue: PaperVenue) -> None:
    answer = await ask(venue.http, "execution/list", f"category=linear&startTime=0&endTime={8 * 86_400_000}")
    assert answer["retCode"] == 10001


async def test_another_market_is_an_empty_list(venue: PaperVenue) -> None:
    answer = await ask(venue.http, "position/list", "category=inverse&settleCoin=BTC")
    assert (answer["retCode"], answer["result"]["list"]) == (0, [])
