from collections.abc import AsyncIterator

import pytest

from libs.common.clock import SystemClock
from libs.common.errors import Refused, Transient
from services.paper_exchange.adapters.markets.upstream_rest import UpstreamRest
from tests.support.raw_venue import Answer, RawVenue, no, ok, raw_venue

pytestmark = pytest.mark.anyio


@pytest.fixture
async def venue() -> AsyncIterator[RawVenue]:
    async with raw_venue() as served:
        yield served


@pytest.fixture
async def rest(venue: RawVenue) -> AsyncIterator[UpstreamRest]:
    asking = UpstreamRest(venue.endpoint.rest, SystemClock())
    yield asking
    await asking.close()


async def test_a_public_question_is_asked_without_a_key(rest: UpstreamRest, venue: RawVenue) -> None:
    venue.answer(ok(list=[1]))
    assert await rest.get("kline", symbol="BTCUSDT", limit=5) == {"list": [1]}
    (asked,) = venue.requests
    assert (asked.method, asked.path) == ("GET", "/v5/market/kline")
    assert asked.query == {"category": "linear", "symbol": "BTCUSDT", "limit": "5"}
    assert not [name for name in asked.headers if name.lower().startswith("x-bapi")]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        Answer(status=404),
        Answer(b"<html>"),
        Answer([]),
        Answer({"retCode": "0", "result": {}}),
        Answer({"retCode": 0, "result": []}),
        Answer(drop=True),
        no(10016, "Server error"),
    ],
)
async def test_what_is_no_answer_may_be_tried_again(rest: UpstreamRest, venue: RawVenue, answer: Answer) -> None:
    venue.answer(answer, ok(list=[]))
    with pytest.raises(Transient):
        await rest.get("tickers")
    assert await rest.get("tickers") == {"list": []}


async def test_a_no_is_a_no(rest: UpstreamRest, venue: RawVenue) -> None:
    venue.answer(no(10001, "Not supported symbols"))
    with pytest.raises(Refused, match="Not supported symbols") as refused:
        await rest.get("kline", symbol="XUSDT")
    assert refused.value.code == 10001


@pytest.mark.parametrize("answer", [Answer(b"403, access too frequent", status=403), Answer(status=429), no(10006)])
async def test_a_venue_that_wants_silence_gets_it(rest: UpstreamRest, venue: RawVenue, answer: Answer) -> None:
    venue.answer(answer)
    with pytest.raises(Transient):
        await rest.get("tickers")
    with pytest.raises(Transient, match="wants us to be silent"):
        await rest.get("tickers")
    assert len(venue.requests) == 1
