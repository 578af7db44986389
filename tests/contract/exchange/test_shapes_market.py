"""The public answers of the paper exchange, held against the venue's documented ones field by field."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bybit_floor import Swings, swinging_venue
from tests.support.bybit_kinds import Kind, differences
from tests.support.bybit_shapes_market import MARKET, envelope

pytestmark = pytest.mark.anyio
NEWEST_FIRST = {
    "kline": lambda row: int(row[0]),
    "mark-price-kline": lambda row: int(row[0]),
    "index-price-kline": lambda row: int(row[0]),
    "premium-index-price-kline": lambda row: int(row[0]),
    "funding/history": lambda row: int(row["fundingRateTimestamp"]),
    "recent-trade": lambda row: int(row["time"]),
}


@pytest.fixture
async def swings(tmp_path: Path) -> AsyncIterator[Swings]:
    async with swinging_venue(tmp_path) as served:
        yield served


async def asked(swings: Swings, path: str, query: str) -> Any:
    answer = await swings.http.get(f"/v5/market/{path}?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(("path", "query", "result"), [(path, *asked) for path, asked in MARKET.items()])
async def test_an_answer_has_just_the_documented_fields(swings: Swings, path: str, query: str, result: Kind) -> None:
    answer = await asked(swings, path, query)
    assert differences(answer, envelope(result)) == []
    assert answer["result"].get("list", True), "an empty list proves nothing"


@pytest.mark.parametrize("path", NEWEST_FIRST)
async def test_lists_are_newest_first(swings: Swings, path: str) -> None:
    rows = (await asked(swings, path, MARKET[path][0]))["result"]["list"]
    moments = [NEWEST_FIRST[path](row) for row in rows]
    assert len(moments) > 1
    assert moments == sorted(moments, reverse=True)


async def test_the_book_is_best_first_on_both_sides_and_never_crossed(swings: Swings) -> None:
    book = (await asked(swings, "orderbook", "category=linear&symbol=BTCUSDT&limit=50"))["result"]
    bids, asks = ([float(price) for price, _ in book[side]] for side in "ba")
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert bids[0] < asks[0]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("kline", "category=linear&symbol=NOPEUSDT&interval=1"),
        ("kline", "category=linear&symbol=BTCUSDT&interval=7"),
        ("kline", "category=linear&symbol=BTCUSDT"),
        ("funding/history", "category=linear&symbol=BTCUSDT&startTime=1758153600000"),
        ("tickers", ""),
        ("instruments-info", "category=nonsense"),
        ("orderbook", "category=linear"),
        ("recent-trade", "category=linear"),
        ("price-limit", "category=linear"),
    ],
)
async def test_a_wrong_question_gets_the_same_envelope_with_a_code(swings: Swings, path: str, query: str) -> None:
    answer = await asked(swings, path, query)
    assert answer["retCode"] == 10001
    assert answer["retMsg"]
    assert differences({**answer, "retCode": 0, "retMsg": ""}, envelope({})) == []
