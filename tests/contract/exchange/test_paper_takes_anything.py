"""Whatever is asked of the paper exchange is answered in the venue's envelope, and a refusal changes nothing."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.paper_exchange.adapters.http.door import Door
from services.paper_exchange.core.books.commands import COMMANDS as SERVED
from tests.support.bybit_parameters import COMMANDS, QUESTIONS, Parameters
from tests.support.door_visitor import Heard, knock
from tests.support.paper_venue import PaperVenue, paper_venue

ENVELOPE = {"retCode", "retMsg", "result", "retExtInfo", "time"}
ODD: list[Any] = [
    *(None, True, -1, 0, 1.5, 1e308, 5e-324, 2**63, -(2**63), 10**18, [], {}, [[]], {"a": 1}),
    *("", " ", "NaN", "nan", "Infinity", "-Infinity", "-1", "+1", "1e400", "1e-400", "0x10", "1_000", "１", "٣"),
    *("9" * 40, "9" * 5_000, "0." + "1" * 30, "\x00", "\n", "\x1b[2J", "\u202e", "💥", "'; DROP TABLE orders; --"),
    *("true", "None", "%", "%00", "a&b=c", "1.", ".1", "00001", "1,2"),
]
anything: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(ODD),
    st.text(max_size=50),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.integers(), max_size=3),
)
often = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


class Visited:
    """A running exchange with a little of everything in its books, and a loop to ask it in."""

    def __init__(self, runner: asyncio.Runner, venue: PaperVenue) -> None:
        self._runner, self._venue = runner, venue
        self._door: Door = venue.door

    def asks(self, method: str, path: str, **how: Any) -> Heard:
        """Ask, and check what is true of every answer."""
        before = self.books
        heard = self._runner.run(knock(self._door, method, path, **how))
        assert heard.status == 200
        assert set(heard.body) == ENVELOPE
        assert isinstance(heard.body["retCode"], int)
        if heard.body["retCode"]:
            assert (heard.body["result"], heard.body["retMsg"] != "") == ({}, True)
            assert self.books == before
        return heard

    @property
    def books(self) -> object:
        books = self._venue.world.books
        return (
            books.totals,
            dict(books.positions),
            books.open_orders(),
            set(books.link_ids),
        )


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    home: Path = tmp_path_factory.mktemp("exchange")
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        venue = runner.run(stack.enter_async_context(paper_venue(home, balance="100000")))
        visited = Visited(runner, venue)
        market = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.1"}
        low = {**market, "orderType": "Limit", "price": str(int(venue.price("BTCUSDT") * 95 // 100))}  # type: ignore[arg-type]
        for order in (market, low):
            assert visited.asks("POST", "/v5/order/create", body=orjson.dumps(order)).body["retCode"] == 0
        yield visited
        runner.run(stack.aclose())


def fields(parameters: Parameters) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the parameters, most of them as they may be, and a few that nobody knows."""
    known = {name: st.one_of(st.sampled_from(values), anything) for name, values in parameters.items()}
    strange = st.dictionaries(st.text(max_size=20), anything, max_size=2)
    asked: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional=known)
    return st.tuples(strange, asked).map(lambda both: both[0] | both[1])


def valid(parameters: Parameters) -> st.SearchStrategy[dict[str, Any]]:
    """What the venue may be asked, with at most one parameter that is odd."""
    good = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in parameters.items()})
    odd = st.dictionaries(st.sampled_from(sorted(parameters)), anything, max_size=1) if parameters else st.just({})
    first = {name: values[0] for name, values in parameters.items() if name in {"category", "symbol", "accountType"}}
    return st.tuples(good, odd).map(lambda both: first | both[0] | both[1])


def test_every_command_that_is_served_is_in_the_table() -> None:
    assert set(SERVED) <= set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS)
@given(data=st.data())
@often
def test_any_body_of_a_command(exchange: Visited, path: str, data: st.DataObject) -> None:
    asked = data.draw(st.one_of(valid(COMMANDS[path]), fields(COMMANDS[path])))
    exchange.asks("POST", path, body=json.dumps(asked).encode())


@pytest.mark.parametrize("path", QUESTIONS)
@given(data=st.data())
@often
def test_any_query_of_a_question(exchange: Visited, path: str, data: st.DataObject) -> None:
    asked = data.draw(st.one_of(valid(QUESTIONS[path]), fields(QUESTIONS[path])))
    pairs = [(name, str(value)) for name, value in asked.items()]
    twice = data.draw(st.lists(st.sampled_from(pairs), max_size=1)) if pairs else []
    exchange.asks("GET", path, query=urlencode(pairs + twice, errors="replace").encode())


@pytest.mark.parametrize("path", COMMANDS)
@given(body=st.one_of(st.binary(max_size=200), st.sampled_from([b'{"qty": NaN}', b"[" * 10_000, b'{"a":1}x', b"\xff"])))
@often
def test_a_body_of_any_bytes(exchange: Visited, path: str, body: bytes) -> None:
    assert exchange.asks("POST", path, body=body).body["retCode"] == 10001


@pytest.mark.parametrize("path", QUESTIONS)
@given(query=st.one_of(st.binary(max_size=200), st.sampled_from([b"?", b"&", b"=", b"%", b"%zz=%", b"\xff=1"])))
@often
def test_a_query_of_any_bytes(exchange: Visited, path: str, query: bytes) -> None:
    exchange.asks("GET", path, query=query)


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "DANCE"]),
    path=st.text(max_size=100).map(lambda text: f"/v5/{text}"),
    name=st.sampled_from(["X-BAPI-API-KEY", "X-BAPI-TIMESTAMP", "X-BAPI-RECV-WINDOW", "X-BAPI-SIGN"]),
    value=st.text(st.characters(max_codepoint=255), max_size=200),
)
@often
def test_any_path_method_and_header(exchange: Visited, method: str, path: str, name: str, value: str) -> None:
    assert exchange.asks(method, path, headers={name: value}).body["retCode"] == 10017
    refused = exchange.asks("POST", "/v5/order/create", headers={name: value})
    assert refused.body["retCode"] in {10002, 10003, 10004}


@pytest.mark.parametrize(
    ("method", "how"),
    [("POST", {"body": b'{"a":"' + b"x" * 100_000 + b'"}'}), ("GET", {"query": b"symbol=" + b"x" * 10_000})],
)
def test_what_is_too_large_is_not_read(exchange: Visited, method: str, how: dict[str, bytes]) -> None:
    path = "/v5/order/create" if method == "POST" else "/v5/order/realtime"
    assert exchange.asks(method, path, **how).body["retCode"] == 10001
