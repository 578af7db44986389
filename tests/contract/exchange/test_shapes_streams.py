"""The frames of the paper exchange's sockets, held against the venue's documented ones field by field."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from libs.common.clock import SystemClock
from tests.support.bybit_floor import Swings, swinging_venue
from tests.support.bybit_kinds import Shape, differences, exactly
from tests.support.bybit_shapes_account import IDS
from tests.support.bybit_shapes_streams import (
    AUTHENTICATED,
    PRIVATE,
    PRIVATE_PONG,
    PUBLIC,
    PUBLIC_ACK,
    PUBLIC_PONG,
    TICKER_SNAPSHOT,
    TRADE_AUTHENTICATED,
    TRADE_HEADER,
)
from tests.support.bybit_signed import auth_message, tell

pytestmark = pytest.mark.anyio
WITHIN_S = 10


@pytest.fixture
async def swings(tmp_path: Path) -> AsyncIterator[Swings]:
    async with swinging_venue(tmp_path) as served:
        yield served


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Swings]:
    """What the headers say of rate limits is there only where there are any."""
    async with swinging_venue(tmp_path, limits=True) as served:
        yield served


class Line:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def says(self, **message: Any) -> Any:
        """The next frame after `message`; that is its answer while nothing else is subscribed."""
        await self._socket.send_json(message)
        return await self.hears()

    async def hears(self, topic: str | None = None) -> Any:
        """The next frame, of a topic if one is named."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                frame = await self._socket.receive_json()
                if topic is None or frame.get("topic") == topic:
                    return frame


@asynccontextmanager
async def line(swings: Swings, path: str) -> AsyncIterator[Line]:
    url = f"{swings.endpoint.ws_public}/v5/{path}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield Line(socket)


@pytest.mark.parametrize("topic", PUBLIC)
async def test_a_public_frame_has_just_the_documented_fields(swings: Swings, topic: str) -> None:
    async with line(swings, "public/linear") as told:
        acknowledged = await told.says(op="subscribe", req_id="7", args=[topic])
        assert differences(acknowledged, PUBLIC_ACK) == []
        assert (acknowledged["success"], acknowledged["req_id"], acknowledged["op"]) == (True, "7", "subscribe")
        await swings.steps()
        assert differences(await told.hears(topic), PUBLIC[topic]) == []


async def test_a_ticker_begins_whole_and_goes_on_with_what_changed(swings: Swings) -> None:
    async with line(swings, "public/linear") as told:
        await told.says(op="subscribe", args=["tickers.BTCUSDT"])
        first = await told.hears("tickers.BTCUSDT")
        await swings.steps()
        then = await told.hears("tickers.BTCUSDT")
    assert (first["type"], then["type"]) == ("snapshot", "delta")
    assert {"symbol", "lastPrice"} <= then["data"].keys() < TICKER_SNAPSHOT.keys()


async def test_a_book_is_the_snapshot_and_its_deltas(swings: Swings) -> None:
    async with line(swings, "public/linear") as told:
        await told.says(op="subscribe", args=["orderbook.50.BTCUSDT"])
        book = await told.hears("orderbook.50.BTCUSDT")
        sides = {side: dict(book["data"][side]) for side in "ba"}
        await swings.steps()
        delta = await told.hears("orderbook.50.BTCUSDT")
    assert (book["type"], delta["type"]) == ("snapshot", "delta")
    assert delta["data"]["u"] > book["data"]["u"] > 1
    assert delta["data"]["seq"] > book["data"]["seq"]
    gone = [(side, price) for side in "ba" for price, size in delta["data"][side] if size == "0"]
    assert all(price in sides[side] for side, price in gone)


@pytest.mark.parametrize("req_id", [7, "7"])
async def test_the_public_pong_says_pong_to_a_ping(swings: Swings, req_id: int | str) -> None:
    async with line(swings, "public/linear") as told:
        pong = await told.says(op="ping", req_id=req_id)
    assert differences(pong, {**PUBLIC_PONG, "req_id": exactly(req_id)}) == []


async def test_an_unknown_topic_is_refused_and_the_socket_lives_on(swings: Swings) -> None:
    async with line(swings, "public/linear") as told:
        refused = await told.says(op="subscribe", req_id="1", args=["nonsense.BTCUSDT"])
        assert (refused["success"], bool(refused["ret_msg"])) == (False, True)
        assert (await told.says(op="subscribe", req_id="2", args=["kline.1.BTCUSDT"]))["success"] is True


@pytest.mark.parametrize("expires", [int, str])
async def test_a_private_socket_opens_with_a_signature_and_pongs_its_own_way(swings: Swings, expires: type) -> None:
    message = auth_message()
    message["args"][1] = expires(message["args"][1])
    async with line(swings, "private") as told:
        assert differences(await told.says(**message), AUTHENTICATED) == []
        assert differences(await told.says(op="ping", req_id="5"), PRIVATE_PONG) == []


async def test_a_private_socket_without_a_signature_tells_nothing(swings: Swings) -> None:
    async with line(swings, "private") as told:
        assert (await told.says(op="subscribe", args=["order"]))["success"] is False
        late = auth_message(lead_ms=-1_000)
        assert (await told.says(**late))["success"] is False


@pytest.mark.parametrize("asked", [*PRIVATE, "order.linear", "execution.linear", "position.linear"])
async def test_a_private_frame_has_just_the_documented_fields(swings: Swings, asked: str) -> None:
    topic = asked.removesuffix(".linear")
    async with line(swings, "private") as told:
        await told.says(**auth_message())
        assert (await told.says(op="subscribe", args=[asked]))["success"] is True
        stop = str(swings.price("0.98"))
        answer = await tell(swings.http, "order/create", side="Buy", orderType="Market", qty="0.01", stopLoss=stop)
        assert answer["retCode"] == 0
        frame = await told.hears(asked)
    assert differences({**frame, "topic": topic}, PRIVATE[topic]) == []


def trade(op: str, req_id: str, /, **fields: Any) -> dict[str, Any]:
    now = str(SystemClock().now())
    header = {"X-BAPI-TIMESTAMP": now, "X-BAPI-RECV-WINDOW": "5000"}
    order = {"category": "linear", "symbol": "BTCUSDT", **fields}
    return {"reqId": req_id, "header": header, "op": op, "args": [order]}


def traded(op: str, data: Shape) -> Shape:
    text = {name: lambda value: isinstance(value, str) for name in ("reqId", "connId")}
    return {
        **text,
        "retCode": exactly(0),
        "retMsg": exactly("OK"),
        "op": exactly(op),
        "data": data,
        "retExtInfo": {},
        "header": TRADE_HEADER,
    }


async def test_the_trade_socket_answers_in_its_own_form(limited: Swings) -> None:
    limit = {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": str(limited.price("0.98"))}
    async with line(limited, "trade") as told:
        unknown = await told.says(**trade("order.create", "0", **limit))
        assert unknown["retCode"] != 0
        assert differences(await told.says(**auth_message()), TRADE_AUTHENTICATED) == []
        made = await told.says(**trade("order.create", "1", **limit))
        assert differences(made, traded("order.create", IDS)) == []
        order = {"orderId": made["data"]["orderId"]}
        amended = await told.says(**trade("order.amend", "2", **order, qty="0.02"))
        assert differences(amended, traded("order.amend", IDS)) == []
        cancelled = await told.says(**trade("order.cancel", "3", **order))
        assert differences(cancelled, traded("order.cancel", IDS)) == []


async def test_the_trade_socket_takes_an_id_once_and_only_the_ops_that_it_knows(swings: Swings) -> None:
    async with line(swings, "trade") as told:
        await told.says(**auth_message())
        assert (await told.says(**trade("order.cancel", "1", orderId="nowhere")))["retCode"] == 110001
        assert (await told.says(**trade("order.cancel", "1", orderId="nowhere")))["retCode"] == 20006
        assert (await told.says(**trade("order.dance", "2")))["retCode"] == 10404
