"""The rule book over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from libs.common.clock import SystemClock
from tests.support.pages import curl_lines, option
from tests.support.paper_venue import PaperVenue, paper_venue

pytestmark = pytest.mark.anyio
PATH = "/paper/v1/faults"


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[PaperVenue]:
    async with paper_venue(tmp_path) as served:
        yield served


async def test_rules_are_listed_with_what_they_did_until_they_are_over(venue: PaperVenue) -> None:
    await venue.fault("http_error", endpoint="market/time", times=2, status=503)
    await venue.http.get("/v5/market/time")
    [row] = (await venue.http.get(PATH)).json()["faults"]
    assert row["rule"] == "http_error"
    assert (row["number"], row["endpoint"], row["times"], row["status"], row["accepted"]) == (
        1,
        "market/time",
        2,
        503,
        False,
    )
    assert (row["met"], row["hits"]) == (1, 1)
    await venue.http.get("/v5/market/time")
    assert (await venue.http.get(PATH)).json()["faults"] == []


async def test_what_can_be_ordered_is_told(venue: PaperVenue) -> None:
    rules = (await venue.http.get(PATH)).json()["rules"]
    assert rules["drop_reply"] == ["endpoint", "symbol", "order", "times", "probability", "seed"]
    assert len(rules) == 18


async def test_a_fast_clock_lasts_as_long_as_was_ordered(venue: PaperVenue) -> None:
    ordered: Any = await venue.fault("clock", offset_ms=30_000, for_ms=20_000)
    assert [row["rule"] for row in ordered["faults"]] == ["clock"]
    before = SystemClock().now()
    assert (await venue.http.get("/v5/market/time")).json()["time"] >= before + 30_000


async def test_deleted_rules_hit_nothing(venue: PaperVenue) -> None:
    await venue.fault("http_error", times=9)
    assert (await venue.http.delete(PATH)).json() == {"faults": []}
    assert (await venue.http.get("/v5/market/time")).status_code == 200


async def test_rules_spare_the_exchanges_own_interfaces(venue: PaperVenue) -> None:
    await venue.fault("http_error", times=1_000)
    assert (await venue.http.get(PATH)).status_code == 200
    assert (await venue.http.get("/paper/v1/audit")).status_code == 200
    assert (await venue.http.get("/health/ready")).status_code == 200
    assert (await venue.http.get("/v5/market/time")).status_code == 502


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "body is not JSON"),
        ("[]", "body must be an object with rule"),
        ('{"rule": "quake"}', "rule = 'quake': must be one of"),
        ('{"rule": "delay", "delay_ms": -1}', "delay_ms = -1: must be a whole number from 0 to 60000"),
        ('{"rule": "delay", "ret_code": 5}', "ret_code = 5: delay takes"),
        ('{"rule": "delay", "x": "' + "y" * 20_000 + '"}', "body is larger than"),
    ],
)
async def test_a_wrong_rule_is_told_its_field_its_value_and_what_may_stand_there(
    venue: PaperVenue, body: str, text: str
) -> None:
    answer = await venue.http.post(PATH, content=body)
    assert answer.status_code == 400
    assert text in answer.json()["error"]
    assert (await venue.http.get(PATH)).json()["faults"] == []


async def test_rules_are_bounded(venue: PaperVenue) -> None:
    for _ in range(100):
        await venue.fault("delay", endpoint="never")
    answer = await venue.http.post(PATH, json={"rule": "delay"})
    assert (answer.status_code, answer.json()["error"]) == (400, "at most 100 rules: DELETE them first")


async def test_what_the_operators_page_tells_to_type_works(venue: PaperVenue) -> None:
    lines = curl_lines("docs/operators.md", 8100)
    assert lines
    for words in lines:
        url = next(word for word in words if "127.0.0.1:8100/" in word)
        answer = await venue.http.request(
            option(words, "-X", "GET"), url.split(":8100")[1], content=option(words, "-d", "")
        )
        assert answer.status_code == 200, answer.text
