"""The paper exchange's sockets, spoken to as any client speaks: public, private and trade."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from libs.common.clock import SystemClock
from libs.common.units import MINUTE_MS
from services.paper_exchange.core.dialect.limits import CONNECTIONS
from tests.support.paper_venue import PaperVenue, paper_venue
from tests.support.venue_socket import VenueSocket, venue_socket

pytestmark = pytest.mark.anyio


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[PaperVenue]:
    async with paper_venue(tmp_path, limits=True) as served:
        yield served


@pytest.fixture
async def public(venue: PaperVenue) -> AsyncIterator[VenueSocket]:
    async with venue_socket(f"{venue.endpoint.ws_public}/v5/public/linear?max_active_time=30s") as socket:
        yield socket


@pytest.fixture
async def private(venue: PaperVenue) -> AsyncIterator[VenueSocket]:
    async with venue_socket(f"{venue.endpoint.ws_private}/v5/private") as socket:
        yield socket


@pytest.fixture
async def trade(venue: PaperVenue) -> AsyncIterator[VenueSocket]:
    async with venue_socket(f"{venue.endpoint.ws_private}/v5/trade") as socket:
        yield socket


def order(**changes: Any) -> dict[str, Any]:
    usual = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.001"}
    return {**usual, **changes}


def stamp(**changes: Any) -> dict[str, Any]:
    return {"X-BAPI-TIMESTAMP": str(SystemClock().now()), "X-BAPI-RECV-WINDOW": "5000", **changes}


async def create(socket: VenueSocket, request_id: str, **changes: Any) -> dict[str, Any]:
    return await socket.ask(reqId=request_id, header=stamp(), op="order.create", args=[order(**changes)])


@pytest.mark.parametrize("request_id", ["a", 7])
async def test_both_pongs_are_as_the_venue_writes_them(
    public: VenueSocket, private: VenueSocket, trade: VenueSocket, request_id: str | int
) -> None:
    heard = await public.ask(op="ping", req_id=request_id)
    assert (heard["op"], heard["ret_msg"], heard["success"], heard["req_id"]) == ("ping", "pong", True, request_id)
    heard = await private.ask(op="ping", req_id=request_id)
    assert (heard["op"], heard["req_id"], len(heard["args"])) == ("pong", request_id, 1)
    heard = await trade.ask(op="ping")
    assert (heard["op"], heard["retCode"]) == ("pong", 0)


@pytest.mark.parametrize("said", ["", "{", "[]", "7", '"x"', "null", '{"op": {}}', '{"op": "subscribe", "args": {}}'])
async def test_nonsense_is_answered_and_the_connection_stays(
    public: VenueSocket, private: VenueSocket, trade: VenueSocket, said: str
) -> None:
    for socket in (public, private, trade):
        for form in (said, said.encode()):
            await socket.connection.send(form)
            heard = await socket.hear()
            assert heard.get("success") is False or heard["retCode"] == 10404
        assert (await socket.ask(op="ping"))["op"] in {"ping", "pong"}


async def test_a_books_deltas_make_of_its_snapshot_what_rest_tells(venue: PaperVenue, public: VenueSocket) -> None:
    name = "orderbook.50.BTCUSDT"
    assert (await public.ask(op="subscribe", args=[name], req_id="1"))["success"] is True
    snapshot = await public.hear_topic(name)
    sides = {side: dict(snapshot["data"][side]) for side in "ba"}
    for _ in range(5):
        await venue.steps(5 * MINUTE_MS)
        delta = await public.hear_topic(name)
        assert delta["type"] == "delta"
        assert delta["data"]["u"] > snapshot["data"]["u"] > 1
        for side, levels in sides.items():
            for price, size in delta["data"][side]:
                if size == "0":
                    del levels[price]
                else:
                    levels[price] = size

    answer = await venue.http.get("/v5/market/orderbook?category=linear&symbol=BTCUSDT&limit=50")

    told = answer.json()["result"]
    assert all(dict(told[side]) == levels for side, levels in sides.items())
    assert told["u"] >= delta["data"]["u"]


async def test_the_best_prices_come_as_snapshots_only(venue: PaperVenue, public: VenueSocket) -> None:
    name = "orderbook.1.BTCUSDT"
    await public.say(op="subscribe", args=[name])
    for _ in range(3):
        frame = await public.hear_topic(name)
        assert (frame["type"], len(frame["data"]["b"]), len(frame["data"]["a"])) == ("snapshot", 1, 1)
        await venue.steps(5 * MINUTE_MS)


async def test_every_trade_is_told_once_and_is_the_one_that_rest_tells(venue: PaperVenue, public: VenueSocket) -> None:
    name = "publicTrade.BTCUSDT"
    assert (await public.ask(op="subscribe", args=[name]))["success"] is True
    told: list[dict[str, Any]] = []
    for _ in range(3):
        await venue.steps(5 * MINUTE_MS)
        told += (await public.hear_topic(name))["data"]

    query = f"category=linear&symbol=BTCUSDT&limit={len(told)}"
    rows = (await venue.http.get(f"/v5/market/recent-trade?{query}")).json()["result"]["list"]
    assert [(row["i"], row["p"], row["v"], row["S"], str(row["T"])) for row in told] == [
        (row["execId"], row["price"], row["size"], row["side"], row["time"]) for row in reversed(rows)
    ]


async def test_too_many_sockets_of_one_address_are_turned_away_at_the_door(venue: PaperVenue) -> None:
    limits, clock = venue.limits, SystemClock()
    assert limits is not None
    for _ in range(CONNECTIONS):
        limits.connects("127.0.0.1", clock.monotonic_ms())

    with pytest.raises(InvalidStatus) as refused:
        async with venue_socket(f"{venue.endpoint.ws_public}/v5/public/linear"):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("as_text", [True, False])
async def test_a_socket_is_authenticated_by_an_instant_as_number_or_as_text(
    private: VenueSocket, trade: VenueSocket, as_text: bool
) -> None:
    heard = await private.authenticate(as_text=as_text)
    assert (heard["success"], heard["ret_msg"], heard["op"]) == (True, "", "auth")
    heard = await trade.authenticate(as_text=as_text)
    assert (heard["retCode"], heard["retMsg"], heard["op"]) == (0, "OK", "auth")


@pytest.mark.parametrize(("wrong", "code"), [({"secret": "other"}, 10004), ({"ahead_ms": -1}, 10002)])
async def test_a_wrong_signature_and_a_late_one_are_refused(
    private: VenueSocket, trade: VenueSocket, wrong: dict[str, Any], code: int
) -> None:
    assert (await private.authenticate(**wrong))["success"] is False
    assert (await private.ask(op="subscribe", args=["order"]))["success"] is False
    assert (await trade.authenticate(**wrong))["retCode"] == code
    assert (await create(trade, "1"))["retCode"] == 10005


async def test_an_order_is_told_on_all_private_topics_under_the_names_they_were_asked_for_by(
    private: VenueSocket, trade: VenueSocket
) -> None:
    await private.authenticate()
    await trade.authenticate()
    asked = ["order", "execution.linear", "position.linear", "wallet"]
    assert (await private.ask(op="subscribe", args=asked, req_id="9"))["req_id"] == "9"

    made = await create(trade, "one", orderLinkId="mine")

    frames = [await private.hear() for _ in range(5)]
    assert {frame["topic"] for frame in frames} == set(asked)
    assert len({frame["id"] for frame in frames}) == len(frames)
    rows = {frame["topic"]: frame["data"][0] for frame in frames}
    assert rows["order"]["orderId"] == made["data"]["orderId"]
    assert (rows["order"]["orderStatus"], rows["execution.linear"]["execQty"]) == ("Filled", "0.001")
    assert "entryPrice" in rows["position.linear"]
    assert "avgPrice" not in rows["position.linear"]


async def test_the_life_of_an_order_over_the_trade_socket(venue: PaperVenue, trade: VenueSocket) -> None:
    await trade.authenticate()
    low = {"orderType": "Limit", "price": str(int(venue.price("BTCUSDT") * 95 // 100))}  # type: ignore[arg-type]

    made = await create(trade, "1", **low)
    assert (made["reqId"], made["retCode"], made["retMsg"], made["op"]) == ("1", 0, "OK", "order.create")
    assert int(made["header"]["X-Bapi-Limit-Status"]) == int(made["header"]["X-Bapi-Limit"]) - 1
    name = {"category": "linear", "symbol": "BTCUSDT", "orderId": made["data"]["orderId"]}
    early = {"X-BAPI-TIMESTAMP": SystemClock().now(), "X-BAPI-RECV-WINDOW": 8000}
    amended = await trade.ask(reqId="2", header=early, op="order.amend", args=[{**name, "qty": "0.002"}])
    assert amended["data"] == made["data"]
    gone = await trade.ask(reqId="3", header=stamp(), op="order.cancel", args=[name])
    assert gone["retCode"] == 0
    again = await trade.ask(reqId="4", header=stamp(), op="order.cancel", args=[name])
    assert again["retCode"] == 110001

    requests: Any = (await venue.audit())["requests"]
    assert [(row["path"], row["retCode"]) for row in requests] == [
        ("/v5/order/create", 0),
        ("/v5/order/amend", 0),
        ("/v5/order/cancel", 0),
        ("/v5/order/cancel", 110001),
    ]


async def test_what_is_wrong_with_a_request_over_the_trade_socket_is_said(trade: VenueSocket) -> None:
    await trade.authenticate()
    late = stamp(**{"X-BAPI-TIMESTAMP": str(SystemClock().now() - 6_000)})

    assert (await create(trade, "1"))["retCode"] == 0
    assert (await create(trade, "1"))["retCode"] == 20006
    assert (await trade.ask(reqId="2", header=late, op="order.create", args=[order()]))["retCode"] == 10002
    assert (await trade.ask(reqId="3", op="order.create", args=[order()]))["retCode"] == 10002
    assert (await trade.ask(reqId="4", header=stamp(), op="order.create", args=[]))["retCode"] == 10001
    assert (await trade.ask(reqId="5", header=stamp(), op="order.dance", args=[order()]))["retCode"] == 10404
    assert (await create(trade, "6", qty="-1"))["retCode"] == 10001


async def test_the_trade_socket_and_rest_share_a_keys_limit(venue: PaperVenue, trade: VenueSocket) -> None:
    await trade.authenticate()
    for number in range(11):
        await trade.say(reqId=str(number), header=stamp(), op="order.create", args=[order(qty="0")])

    codes = [(await trade.hear())["retCode"] for _ in range(11)]

    assert codes == [10001] * 10 + [10006]


async def test_a_batch_tells_of_each_of_its_orders(trade: VenueSocket) -> None:
    await trade.authenticate()
    items = [{key: value for key, value in order(qty=qty).items() if key != "category"} for qty in ("0.001", "0")]
    batch = {"category": "linear", "request": items}

    heard = await trade.ask(reqId="1", header=stamp(), op="order.create-batch", args=[batch])

    assert heard["retCode"] == 0
    assert [bool(row["orderId"]) for row in heard["data"]["list"]] == [True, False]
    assert [said["code"] for said in heard["retExtInfo"]["list"]] == [0, 10001]


async def test_a_position_is_pushed_on_every_create_amend_and_cancel_even_unchanged(
    venue: PaperVenue, private: VenueSocket, trade: VenueSocket
) -> None:
    await private.authenticate()
    await trade.authenticate()
    await private.ask(op="subscribe", args=["position"])
    low = {"orderType": "Limit", "price": str(int(venue.price("BTCUSDT") * 95 // 100))}  # type: ignore[arg-type]

    made = await create(trade, "1", **low)
    name = {"category": "linear", "symbol": "BTCUSDT", "orderId": made["data"]["orderId"]}
    await trade.ask(reqId="2", header=stamp(), op="order.amend", args=[{**name, "qty": "0.002"}])
    await trade.ask(reqId="3", header=stamp(), op="order.cancel", args=[name])

    rows = [(await private.hear())["data"][0] for _ in range(3)]
    assert {(row["symbol"], row["side"], row["size"]) for row in rows} == {("BTCUSDT", "", "0")}
