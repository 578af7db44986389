from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from libs.common.clock import VirtualClock
from libs.common.contracts.trades import CloseReason
from libs.common.units import Instant
from services.postmortem.adapters.api import routes
from services.postmortem.adapters.archive import as_bytes
from services.postmortem.adapters.index import outcome_of
from services.postmortem.core.report import explain
from tests.support.postmortems import open_office
from tests.support.trades import trade

LOSSES = [
    explain(trade(trade_id="ika-BTCUSDT-h2k1-e", closed_at=Instant(10**13 + 1))),
    explain(trade(trade_id="ika-ETHUSDT-h2k1-e", symbol="ETHUSDT", closed_at=Instant(10**13 + 2))),
    explain(trade(trade_id="adopted-BTCUSDT-1700000000000", adopted=True, closed_at=Instant(10**13 + 3))),
    explain(trade(trade_id="ika-SOLUSDT-h2k1-e", symbol="SOLUSDT", close_reason=CloseReason.LIQUIDATION)),
]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    office = open_office(tmp_path, VirtualClock())
    for report in LOSSES:
        office.filing.file(report)
    office.index.enter(outcome_of(trade(trade_id="won", exit_price="110")))
    app = FastAPI()
    app.include_router(routes(office.archive, office.index))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://postmortem") as opened:
        yield opened
    office.index.close()


async def ids(client: httpx.AsyncClient, **wanted: str) -> list[str]:
    answer = await client.get("/v1/postmortems", params=wanted)
    assert answer.status_code == 200
    return [item["trade_id"] for item in answer.json()["items"]]


async def test_reports_are_listed_newest_first_with_all_that_is_promised(client: httpx.AsyncClient) -> None:
    assert await ids(client) == [LOSSES[2].trade_id, LOSSES[1].trade_id, LOSSES[0].trade_id, LOSSES[3].trade_id]
    item = (await client.get("/v1/postmortems")).json()["items"][0]
    assert {"trade_id", "symbol", "category", "severity", "pnl_usd", "decomposition"} <= item.keys()
    assert item["pnl_usd"] == "-2.1"


async def test_pages_follow_one_another_to_the_end(client: httpx.AsyncClient) -> None:
    seen, wanted = [], {"limit": "3"}
    while True:
        answer = (await client.get("/v1/postmortems", params=wanted)).json()
        seen += [item["trade_id"] for item in answer["items"]]
        if answer["next"] is None:
            break
        wanted["cursor"] = answer["next"]
    assert seen == await ids(client)


async def test_filters_keep_what_they_name(client: httpx.AsyncClient) -> None:
    assert await ids(client, symbol="ETHUSDT") == ["ika-ETHUSDT-h2k1-e"]
    assert await ids(client, category="LIQUIDATION", severity="CRITICAL") == ["ika-SOLUSDT-h2k1-e"]
    assert await ids(client, since=str(10**13 + 3)) == ["adopted-BTCUSDT-1700000000000"]
    assert await ids(client, until=str(10**13)) == ["ika-SOLUSDT-h2k1-e"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"category": "BAD_LUCK"},
        {"limit": "0"},
        {"limit": "1001"},
        {"cursor": "x"},
        {"cursor": f"{10**30}~x"},
        {"since": "-1"},
        {"since": str(10**30)},
    ],
)
async def test_what_cannot_be_asked_is_refused(client: httpx.AsyncClient, wanted: dict[str, str]) -> None:
    assert (await client.get("/v1/postmortems", params=wanted)).status_code == 422


async def test_one_report_is_given_as_it_is_on_disk(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/v1/postmortems/{LOSSES[2].trade_id}")
    assert answer.content == as_bytes(LOSSES[2])


async def test_one_report_is_given_as_a_page(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/v1/postmortems/{LOSSES[0].trade_id}.html")
    assert answer.headers["content-type"].startswith("text/html")
    assert "BTCUSDT" in answer.text


@pytest.mark.parametrize("name", ["won", "nobody", "nobody.html", "..%2F..%2Findex.db"])
async def test_a_trade_without_a_report_is_not_found(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/v1/postmortems/{name}")).status_code == 404


async def test_statistics_count_winners_and_losers(client: httpx.AsyncClient) -> None:
    told = (await client.get("/v1/statistics")).json()
    assert (told["trades"], told["wins"], told["losses"], told["win_rate"]) == (5, 1, 4, "0.2000")
    assert told["loss_usd"] == "-8.4"
    assert told["by_severity"]["CRITICAL"] == {"count": 1, "pnl_usd": "-2.1"}
