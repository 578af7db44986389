import httpx
import pytest
from starlette.applications import Starlette

from libs.common.clock import VirtualClock
from libs.common.units import Instant
from services.paper_exchange.adapters.http.door import Door
from services.paper_exchange.adapters.http.envelope import Answer, Bare, Reply
from services.paper_exchange.adapters.http.reception import Asked, Key, Reception
from services.paper_exchange.core.dialect.limits import Allowance, Limits
from services.paper_exchange.core.faults.faults import Faults
from tests.support.door_visitor import knock
from tests.support.shown_market import NoDesk

pytestmark = pytest.mark.anyio

WALL = Instant(1_800_000_000_000)


class Scripted(Reception):
    """Answers everything alike, and remembers what it was asked."""

    def __init__(self, reply: Reply, limits: Limits | None = None) -> None:
        super().__init__(NoDesk(), Key("", "", limits), VirtualClock(WALL), {}, Faults())
        self._reply = reply
        self.asked: list[Asked] = []

    async def take(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        return self._reply


async def test_an_answer_is_wrapped_with_the_walls_time_and_says_what_is_left() -> None:
    reply = Answer({"a": "1"}, extra={"list": []}, allowance=Allowance(False, 10, 0, wait_ms=250))
    heard = await knock(Door(Scripted(reply), Starlette(), VirtualClock(WALL)), "GET", "/v5/x")

    assert heard.body == {"retCode": 0, "retMsg": "OK", "result": {"a": "1"}, "retExtInfo": {"list": []}, "time": WALL}
    assert heard.headers["content-type"].startswith("application/json")
    assert heard.headers["X-Bapi-Limit"] == "10"
    assert heard.headers["X-Bapi-Limit-Status"] == "0"
    assert heard.headers["X-Bapi-Limit-Reset-Timestamp"] == str(WALL + 250)


async def test_what_is_signed_is_handed_on_as_it_came() -> None:
    reception = Scripted(Answer())
    door = Door(reception, Starlette(), VirtualClock(WALL))

    await knock(door, "GET", "/v5/x", query=b"cursor=a%3Ab&symbol=B%20C&symbol=D")
    await knock(door, "POST", "/v5/y", body=b'{"a": "b"}')

    payloads = [getattr(asked.proof, "payload", None) for asked in reception.asked]
    assert payloads == [b"cursor=a%3Ab&symbol=B%20C&symbol=D", b'{"a": "b"}']
    assert (reception.asked[0].fields.text("cursor"), reception.asked[0].fields.text("symbol")) == ("a:b", "B C")


async def test_one_request_too_many_is_403_outside_the_envelope_and_the_address_is_banned() -> None:
    clock = VirtualClock(WALL)
    door = Door(Scripted(Answer(), Limits()), Starlette(), clock)

    async def status() -> tuple[int, str]:
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url="http://paper") as client:
            answer = await client.get("/v5/market/time")
        return answer.status_code, answer.text[:4]

    for _ in range(600):
        assert (await status())[0] == 200
    assert await status() == (403, "403,")
    clock.advance(599)
    assert await status() == (403, "403,")
    clock.advance(1)
    assert (await status())[0] == 200


async def test_what_is_not_of_the_venue_goes_on_inside_and_costs_an_address_nothing() -> None:
    door = Door(Scripted(Bare(500, b""), Limits()), Starlette(), VirtualClock(WALL))
    transport = httpx.ASGITransport(app=door)
    async with httpx.AsyncClient(transport=transport, base_url="http://paper") as client:
        for _ in range(700):
            assert (await client.get("/paper/v1/clock")).status_code == 404
        assert (await client.get("/v5/market/time")).status_code == 500
