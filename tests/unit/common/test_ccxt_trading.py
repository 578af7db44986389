"""What our client makes of everything a venue, a gateway or a broken wire can answer."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import orjson
import pytest

from libs.common.clock import SystemClock
from libs.common.errors import Refused, Transient
from libs.common.exchange import Trading
from libs.common.exchange.ccxt_trading import CcxtTrading
from libs.common.exchange.endpoints import Endpoint
from libs.common.exchange.trading_types import (
    Accepted,
    Action,
    Ambiguous,
    ExecutionFrame,
    ExecutionType,
    Exists,
    OrderFrame,
    OrderRequest,
    Outcome,
    PositionFrame,
    RefusedForGood,
    RefusedForNow,
    Stamp,
    StreamDown,
    StreamUp,
    Unchanged,
    WalletFrame,
)
from libs.common.ids import OrderLinkId
from libs.common.units import Instant, Price, Qty, Symbol
from tests.support import bybit_samples as samples
from tests.support.raw_venue import Answer, RawVenue, no, ok, raw_venue

BTC = Symbol("BTCUSDT")
LINK = OrderLinkId("ika-BTCUSDT-1abc-e")
REQUEST = OrderRequest(BTC, Action.BUY, Qty(Decimal("0.010")), LINK, False, Price(Decimal("98000.10")))


@dataclass
class World:
    venue: RawVenue
    trading: CcxtTrading

    def stamp(self) -> Stamp:
        return Stamp(SystemClock().now(), 3_000)

    async def create(self, *answers: Answer) -> Outcome:
        self.venue.answer(*answers)
        return await self.trading.create_order(REQUEST, self.stamp())


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with raw_venue() as venue:
        trading = CcxtTrading(venue.endpoint, SystemClock(), Random(1), key="key", secret="secret")
        port: Trading = trading
        yield World(venue, trading)
        await port.close()


async def test_an_accepted_order_has_the_venues_id(world: World) -> None:
    assert await world.create(ok(orderId="v-1", orderLinkId=LINK)) == Accepted("v-1")


async def test_an_entry_carries_its_stop_and_its_numbers_as_written(world: World) -> None:
    await world.create(ok(orderId="v-1"))
    [request] = world.venue.requests
    assert (request.method, request.path) == ("POST", "/v5/order/create")
    assert request.body == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Market",
        "qty": "0.010",
        "positionIdx": 0,
        "orderLinkId": LINK,
        "reduceOnly": False,
        "stopLoss": "98000.10",
        "slTriggerBy": "LastPrice",
        "tpslMode": "Full",
    }


async def test_a_write_is_dated_with_its_stamp_and_signed_over_the_raw_body(world: World) -> None:
    """ccxt#14870: the window was set as `recvwindow`, and nothing changed."""
    world.venue.answer(ok())
    await world.trading.set_stop(BTC, Price(Decimal(1)), Stamp(Instant(123_456), 777))
    headers = world.venue.requests[0].headers
    assert (headers["X-BAPI-TIMESTAMP"], headers["X-BAPI-RECV-WINDOW"]) == ("123456", "777")
    body = orjson.dumps(world.venue.requests[0].body).decode()
    expected = hmac.new(b"secret", f"123456key777{body}".encode(), hashlib.sha256).hexdigest()
    assert headers["X-BAPI-SIGN"] == expected


async def test_a_read_after_a_write_is_dated_with_now(world: World) -> None:
    world.venue.answer(ok(list=[]))
    await world.trading.cancel_order(BTC, LINK, Stamp(Instant(123_456), 777))
    await world.trading.positions()
    headers = world.venue.requests[1].headers
    assert int(headers["X-BAPI-TIMESTAMP"]) > 1_000_000_000_000
    assert headers["X-BAPI-RECV-WINDOW"] == "5000"


async def test_the_clock_offset_dates_every_later_request(world: World) -> None:
    world.venue.answer(Answer({"retCode": 0, "result": {}, "time": SystemClock().now() + 60_000}), ok())
    await world.trading.server_time()
    assert 50_000 < world.trading.clock_offset_ms < 70_000
    await world.trading.cancel_order(BTC, LINK, Stamp(Instant(100_000), 777))
    assert int(world.venue.requests[1].headers["X-BAPI-TIMESTAMP"]) == 100_000 + world.trading.clock_offset_ms


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (no(110007, "ab not enough"), RefusedForGood(110007, "ab not enough")),
        (no(10001, "Qty invalid"), RefusedForGood(10001, "Qty invalid")),
        (no(110072, "OrderLinkedID is duplicate"), Exists(110072, "OrderLinkedID is duplicate")),
        (no(10014, "duplicate"), Exists(10014, "duplicate")),
        (no(10002, "late"), RefusedForNow(10002, "late", 1_000)),
        (no(34040, "not modified"), Unchanged(34040)),
        (no(10016, "oops"), Ambiguous("10016 oops")),
        (no(987654, "new"), Ambiguous("987654 new")),
    ],
)
async def test_a_code_means_what_the_table_says(world: World, answer: Answer, expected: Outcome) -> None:
    assert await world.create(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>Bad Gateway</html>", status=502),
        Answer(b"{", status=200),
        Answer(b"", status=200),
        Answer({"retCode": 0, "result": None}, status=200),
        Answer({"retCode": 0, "result": {}}, status=500),
        Answer([1], status=200),
        Answer(drop=True),
    ],
)
async def test_what_cannot_be_understood_is_ambiguous(world: World, answer: Answer) -> None:
    assert isinstance(await world.create(answer), Ambiguous)
    assert len(world.venue.requests) == 1  # and is never asked twice


async def test_silence_is_ambiguous(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.trading._client, "timeout", 200)
    assert isinstance(await world.create(Answer(silent=True)), Ambiguous)


async def test_a_venue_that_is_not_there_was_asked_nothing() -> None:
    trading = CcxtTrading(Endpoint("http://127.0.0.1:1", "", ""), SystemClock(), Random(1), key="k", secret="s")
    outcome = await trading.create_order(REQUEST, Stamp(SystemClock().now(), 3_000))
    assert isinstance(outcome, RefusedForNow)
    with pytest.raises(Transient):
        await trading.positions()
    await trading.close()


async def test_too_many_visits_waits_until_the_limit_is_reset(world: World) -> None:
    reset = str(SystemClock().now() + 5_000)
    outcome = await world.create(no(10006, "Too many visits!", X_Bapi_Limit_Reset_Timestamp=reset))
    assert isinstance(outcome, RefusedForNow)
    assert 3_000 < outcome.wait_ms <= 5_000


async def test_a_shut_out_address_waits_ten_minutes(world: World) -> None:
    outcome = await world.create(Answer(b"403, access too frequent", status=403))
    assert isinstance(outcome, RefusedForNow)
    assert outcome.wait_ms == 600_000


async def test_a_failed_read_is_an_error_and_never_an_empty_list(world: World) -> None:
    for answer in (no(10016), no(10006), Answer(b"oops", status=502), no(987654), ok(list=[{"size": "1"}])):
        world.venue.answer(answer)
        with pytest.raises(Transient):
            await world.trading.positions()


async def test_a_read_with_a_bad_key_is_refused_with_the_code(world: World) -> None:
    world.venue.answer(no(10003, "API key is invalid."))
    with pytest.raises(Refused) as refused:
        await world.trading.wallet()
    assert refused.value.code == 10003


async def test_every_page_of_positions_is_read(world: World) -> None:
    world.venue.answer(
        ok(list=[samples.position(symbol="BTCUSDT")], nextPageCursor="p2"),
        ok(list=[samples.position(symbol="ETHUSDT")], nextPageCursor=""),
    )
    assert [p.symbol for p in await world.trading.positions()] == ["BTCUSDT", "ETHUSDT"]
    assert world.venue.requests[1].query["cursor"] == "p2"


async def test_pages_that_never_end_are_an_error(world: World) -> None:
    world.venue.answer(ok(list=[], nextPageCursor="same"))
    with pytest.raises(Transient, match="do not end"):
        await world.trading.open_orders()


async def test_an_order_is_looked_for_in_the_history_too(world: World) -> None:
    """freqtrade#10708: ccxt's own fetchOrder sees the last 500 orders, and raises unless that is acknowledged."""
    world.venue.answer(ok(list=[]), ok(list=[samples.order(orderLinkId=LINK, orderStatus="Filled")]))
    order = await world.trading.find_order(BTC, LINK)
    assert order is not None
    assert order.link_id == LINK
    assert [r.path for r in world.venue.requests] == ["/v5/order/realtime", "/v5/order/history"]


async def test_unknown_executions_are_told_and_not_booked_and_funding_is_kept(world: World) -> None:
    rows = [
        samples.execution(execId="1"),
        samples.execution(execId="2", execType="Funding", execFee="-0.5"),
        samples.execution(execId="3", execType="Lottery"),
    ]
    world.venue.answer(ok(list=rows, nextPageCursor="next"))
    page = await world.trading.executions(since=Instant(1))
    assert [e.exec_id for e in page.executions] == ["1", "2"]
    assert (page.executions[1].kind, page.executions[1].fee) == (ExecutionType.FUNDING, Decimal("-0.5"))
    assert page.skipped == ("Lottery",)
    assert page.next_cursor == "1|next"


async def test_executions_older_than_a_week_go_on_in_the_next_window(world: World) -> None:
    week = 7 * 86_400_000
    world.venue.answer(
        ok(list=[], nextPageCursor=""),
        ok(list=[samples.instrument()], nextPageCursor=""),
        ok(s="BTCUSDT", b=[], a=[], ts=week + 1),
    )
    page = await world.trading.executions(since=Instant(0))
    assert page.next_cursor == f"{week}|"


async def test_the_markets_time_is_that_of_its_book_to_the_millisecond(world: World) -> None:
    """The end of the quarter hour would make the newest price up to 15 minutes old, and every signal stale."""
    world.venue.answer(ok(list=[samples.instrument()], nextPageCursor=""), ok(s="BTCUSDT", b=[], a=[], ts=1_234_567))
    assert await world.trading.market_time() == 1_234_567
    world.venue.answer(ok(s="BTCUSDT", b=[], a=[]))
    with pytest.raises(Transient):
        await world.trading.market_time()


async def test_a_key_that_may_withdraw_is_seen(world: World) -> None:
    world.venue.answer(ok(readOnly=0, permissions={"Wallet": ["AccountTransfer", "Withdraw"]}))
    assert (await world.trading.key_facts()).may_withdraw


async def test_the_private_stream_authenticates_subscribes_and_returns_after_a_loss(world: World) -> None:
    frames = [
        {"topic": "order", "creationTime": 5, "data": [samples.order(category="linear")]},
        {"topic": "execution", "creationTime": 6, "data": [samples.execution(category="linear")]},
        {"topic": "position", "creationTime": 7, "data": [samples.position(entryPrice="100", size="0", side="")]},
        {"topic": "wallet", "creationTime": 8, "data": [samples.account()]},
    ]
    world.venue.connections.append(frames)
    stream = world.trading.private()
    events = [await anext(stream) for _ in range(7)]
    await stream.aclose()  # type: ignore[attr-defined]
    assert [type(event) for event in events] == [
        StreamUp,
        OrderFrame,
        ExecutionFrame,
        PositionFrame,
        WalletFrame,
        StreamDown,
        StreamUp,
    ]
    assert isinstance(events[3], PositionFrame)
    assert events[3].position is None
    assert [asked["op"] for asked in world.venue.asked] == ["auth", "subscribe"] * 2
    assert world.venue.asked[1]["args"] == ["order", "execution", "position", "wallet"]


async def test_an_unreadable_frame_does_not_hide_the_next(world: World) -> None:
    frames = [{"topic": "order", "creationTime": 5, "data": [{"category": "linear"}, samples.order(category="linear")]}]
    world.venue.connections.append(frames)
    stream = world.trading.private()
    assert [type(await anext(stream)) for _ in range(2)] == [StreamUp, OrderFrame]
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_refused_authentication_is_a_stream_that_is_down(world: World) -> None:
    world.venue.auth_ok = False
    stream = world.trading.private()
    down = await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert isinstance(down, StreamDown)
    assert "auth refused" in down.reason


async def test_what_a_row_may_leave_out_kills_no_report(world: World) -> None:
    """nautilus#3836: one order without isReduceOnly, and the account was never reconciled."""
    optional = ("reduceOnly", "stopOrderType", "createType", "triggerPrice", "stopLoss", "rejectReason")
    order = {name: value for name, value in samples.order(symbol="BTCUSDT").items() if name not in optional}
    world.venue.answer(ok(list=[order], nextPageCursor=""))
    [read] = await world.trading.open_orders()
    assert (read.reduce_only, read.stop_order_type, read.trigger) == (False, "", None)
    may_lack = ("liqPrice", "positionIdx")
    position = {name: value for name, value in samples.position().items() if name not in may_lack}
    world.venue.answer(ok(list=[position], nextPageCursor=""))
    [held] = await world.trading.positions()
    assert (held.liquidation, held.hedge_index) == (None, 0)


@pytest.mark.parametrize("name", ["size", "side", "stopLoss", "positionIM", "markPrice", "unrealisedPnl"])
async def test_money_that_a_row_leaves_out_is_an_error_and_no_zero(world: World, name: str) -> None:
    """nautilus#3836: tolerant of what is optional, strict about money."""
    row = samples.position()
    del row[name]
    world.venue.answer(ok(list=[row], nextPageCursor=""))
    with pytest.raises(Transient, match=name):
        await world.trading.positions()
