"""The audit over HTTP: every field of it, page by page, while the exchange goes on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from libs.common.units import Instant
from services.paper_exchange.core.judging.verdict import judge
from tests.support.bybit_signed import ask, entry, post
from tests.support.paper_venue import PaperVenue, paper_venue

pytestmark = pytest.mark.anyio
FIELDS: Final = {
    "orders": "orderId orderLinkId symbol side orderType qty price triggerPrice stopLoss reduceOnly status cumExecQty"
    " avgPrice time wall",
    "requests": "method path symbol orderLinkId retCode wall",
    "fills": "execId orderId orderLinkId symbol side qty price fee execType grossPnl time wall",
    "funding": "symbol rate amount time",
    "positions": "symbol side size entry stop time wall",
    "naked": "symbol from to market_ms up_ms",
    "wallet": "start balance equity realised fees funding",
    "open": "positions most_positions",
}


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[PaperVenue]:
    async with paper_venue(tmp_path) as served:
        yield served


async def test_every_row_has_the_fields_of_the_interface_and_amounts_are_text(venue: PaperVenue) -> None:
    await post(venue.http, "order/create", entry(orderLinkId="a"))
    await post(venue.http, "position/trading-stop", b'{"category":"linear","symbol":"BTCUSDT","stopLoss":"1000"}')
    await venue.steps(8 * 3_600_000)
    audit: Any = await venue.audit()
    for name, words in FIELDS.items():
        rows = audit[name] if isinstance(audit[name], list) else [audit[name]]
        assert rows, name
        assert all(set(words.split()) <= row.keys() for row in rows), name
    for name in ("qty", "price", "fee", "grossPnl"):
        assert isinstance(audit["fills"][0][name], str)
    assert all(isinstance(amount, str) for amount in audit["wallet"].values())
    assert audit["positions"][0]["stop"] == ""
    assert audit["positions"][-1]["stop"] == "1000"
    assert [row["path"] for row in audit["requests"]] == ["/v5/order/create", "/v5/position/trading-stop"]


async def test_a_spell_without_a_stop_begins_with_the_first_fill_and_ends_with_the_stop(venue: PaperVenue) -> None:
    await post(venue.http, "order/create", entry())
    await venue.steps(60_000)
    running: Any = await venue.audit()
    (still,) = running["naked"]
    assert (still["to"], still["market_ms"]) == (None, 60_000)
    await post(venue.http, "position/trading-stop", b'{"category":"linear","symbol":"BTCUSDT","stopLoss":"1000"}')
    audit: Any = await venue.audit()
    assert [(row["from"], row["to"]) for row in audit["naked"]] == [(audit["fills"][0]["time"], venue.world.now)]


async def test_an_order_with_its_stop_is_naked_at_no_time(venue: PaperVenue) -> None:
    await post(venue.http, "order/create", entry(stopLoss="1000"))
    assert (await venue.audit())["naked"] == []


async def test_pages_read_while_orders_are_made_miss_none_and_repeat_none(venue: PaperVenue) -> None:
    made = asyncio.create_task(_makes(venue, 60))
    assert await _follows(venue, made) == [f"n{n}" for n in range(60)]


async def _follows(venue: PaperVenue, made: "asyncio.Task[None]") -> list[str]:
    """Ask for page after page until nothing more can come: from `next` where there is one, else from the last row."""
    links, since = list[str](), "0"
    while True:
        last_look = made.done()
        page: Any = (await venue.http.get("/paper/v1/audit", params={"since": since, "limit": 3})).json()
        links += [row["orderLinkId"] for row in page["requests"]]
        if page["next"] is not None:
            since = str(page["next"])
        elif last_look:
            return links
        elif page["requests"]:
            since = str(page["requests"][-1]["wall"])


async def _makes(venue: PaperVenue, many: int) -> None:
    for number in range(many):
        await post(venue.http, "order/create", entry(orderLinkId=f"n{number}", qty="0"))


async def test_whatever_follows_an_audit_is_later_than_all_that_is_in_it(venue: PaperVenue) -> None:
    for number in range(20):
        await post(venue.http, "order/create", entry(orderLinkId=f"n{number}", qty="0"))
        audit: Any = await venue.audit()
        newest = audit["requests"][-1]["wall"]
        assert (await venue.audit(since=newest))["requests"] == []
        assert venue.world.moment().wall > Instant(newest)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"since": "yesterday"}, "since = 'yesterday'"),
        ({"since": "-1"}, "since = '-1'"),
        ({"limit": "0"}, "limit = '0': must be a whole number from 1 to 1000000"),
        ({"limit": "many"}, "limit = 'many'"),
        ({"limit": "9" * 400}, "limit = '999"),
    ],
)
async def test_a_question_that_makes_no_sense_is_told_what_is_allowed(
    venue: PaperVenue, query: dict[str, str], text: str
) -> None:
    answer = await venue.http.get("/paper/v1/audit", params=query)
    assert answer.status_code == 400
    assert text in answer.json()["error"]


async def test_wallet_and_rows_of_one_answer_are_of_one_moment(venue: PaperVenue) -> None:
    await post(venue.http, "order/create", entry(stopLoss="1000"))
    audit: Any = await venue.audit()
    fees = sum(float(row["fee"]) for row in audit["fills"])
    assert float(audit["wallet"]["fees"]) == pytest.approx(fees)
    balance = (await ask(venue.http, "account/wallet-balance", "accountType=UNIFIED"))["result"]["list"][0]
    assert balance["totalWalletBalance"].startswith(audit["wallet"]["balance"][:8])


async def test_each_leg_of_a_hedge_is_a_position_of_its_own(venue: PaperVenue) -> None:
    mode = {"category": "linear", "symbol": "BTCUSDT", "mode": 3}
    assert (await post(venue.http, "position/switch-mode", orjson.dumps(mode))).json()["retCode"] == 0
    await post(venue.http, "order/create", entry(positionIdx=1, stopLoss="1000"))
    await post(venue.http, "order/create", entry(positionIdx=2, side="Sell"))
    audit: Any = await venue.audit()
    assert [(row["positionIdx"], row["side"]) for row in audit["fills"]] == [(1, "Buy"), (2, "Sell")]
    assert [(row["positionIdx"], row["stop"]) for row in audit["positions"]] == [(1, "1000"), (2, "")]
    assert [row["positionIdx"] for row in audit["naked"]] == [2]
    assert audit["open"]["positions"] == 2
    verdict = judge(audit, max_positions=2)
    assert verdict.holds, verdict.violations


@pytest.mark.parametrize("category", ["inverse", "linear"])
async def test_the_orders_of_a_batch_that_is_refused_as_a_whole_are_told_too(venue: PaperVenue, category: str) -> None:
    asked: list[Any] = [{"symbol": "BTCUSDT", "orderLinkId": f"b{n}"} for n in range(2)]
    asked += [{}] * 19 * (category == "linear")  # one more than a batch may hold
    await post(venue.http, "order/create-batch", orjson.dumps({"category": category, "request": asked}))
    told: Any = (await venue.audit())["requests"]
    assert [(row["path"], row["orderLinkId"], row["retCode"]) for row in told[:2]] == [
        ("/v5/order/create-batch", "b0", 10001),
        ("/v5/order/create-batch", "b1", 10001),
    ]


async def test_the_audit_comes_in_pages_that_add_up_to_the_whole(venue: PaperVenue) -> None:
    for number in range(6):
        await post(venue.http, "order/create", entry(orderLinkId=f"n{number}", stopLoss="1000"))
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
