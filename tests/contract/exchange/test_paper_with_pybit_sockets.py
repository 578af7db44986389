"""pybit, unmodified, listens to the paper exchange and trades on its socket, in threads of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from queue import Queue
from typing import Any

import pytest

from libs.common.units import MINUTE_MS
from tests.support.bybit_clients import pybit_stream, pybit_trading_socket
from tests.support.bybit_kinds import differences
from tests.support.bybit_process import ServedExchange, served_exchange
from tests.support.bybit_pybit import ENTRY, LINEAR, PybitTrader, pybit_trader
from tests.support.bybit_shapes_streams import PRIVATE

WITHIN_S = 15


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedExchange]:
    with served_exchange(tmp_path_factory.mktemp("pybit"), limits="off") as served:
        yield served


@pytest.fixture
def trader(exchange: ServedExchange) -> Iterator[PybitTrader]:
    with pybit_trader(exchange) as trading:
        yield trading


@dataclass
class Heard:
    """What a socket told, in order; asking waits for what is still to come."""

    frames: "Queue[dict[str, Any]]" = field(default_factory=Queue)

    def __call__(self, frame: dict[str, Any]) -> None:
        self.frames.put(frame)

    def until(self, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first frame from now on that is the one."""
        while True:
            frame = self.frames.get(timeout=WITHIN_S)
            if is_it(frame):
                return frame

    def row(self, **wanted: Any) -> dict[str, Any]:
        """The first row from now on that has these values."""

        def matches(row: dict[str, Any]) -> bool:
            return all(row.get(name) == value for name, value in wanted.items())

        frame = self.until(lambda frame: any(map(matches, frame["data"])))
        found: dict[str, Any] = next(filter(matches, frame["data"]))
        return found


def test_a_candle_grows_and_is_confirmed_once(exchange: ServedExchange) -> None:
    heard = Heard()
    with pybit_stream(exchange.endpoint, "linear") as stream:
        stream.socket.kline_stream(1, "BTCUSDT", heard)
        stream.subscribed(1)
        exchange.steps(3 * MINUTE_MS)
        first = heard.row(confirm=True)
        second = heard.row(confirm=True)
    assert second["start"] == first["end"] + 1
    assert first["interval"] == "1"
    assert Decimal(first["low"]) <= Decimal(first["close"]) <= Decimal(first["high"])


def test_a_ticker_begins_whole_and_its_changes_keep_it_whole(exchange: ServedExchange) -> None:
    heard = Heard()
    with pybit_stream(exchange.endpoint, "linear") as stream:
        stream.socket.ticker_stream("BTCUSDT", heard)
        whole = heard.until(lambda frame: "bid1Price" in frame["data"])["data"]
        exchange.steps(2 * MINUTE_MS)
        last = str(exchange.ticker()["lastPrice"])
        merged = heard.until(lambda frame: frame["data"]["lastPrice"] == last)["data"]
    assert merged.keys() == whole.keys()


def test_public_trades_come_in_order(exchange: ServedExchange) -> None:
    heard = Heard()
    with pybit_stream(exchange.endpoint, "linear") as stream:
        stream.socket.trade_stream("BTCUSDT", heard)
        stream.subscribed(1)
        exchange.steps(5 * MINUTE_MS)
        rows: list[dict[str, Any]] = []
        while len(rows) < 5:
            rows += heard.until(lambda _: True)["data"]
    assert [row["T"] for row in rows] == sorted(row["T"] for row in rows)
    assert len({row["i"] for row in rows}) == len(rows)


@pytest.mark.parametrize("depth", [1, 50, 200, 1000])
def test_a_book_kept_by_deltas_is_the_book_that_is_asked_for(exchange: ServedExchange, depth: int) -> None:
    """pybit raises in its own thread when a level goes that it does not have."""
    heard = Heard()
    with pybit_stream(exchange.endpoint, "linear") as stream:
        stream.socket.orderbook_stream(depth, "BTCUSDT", heard)
        heard.until(lambda _: True)
        for _ in range(5):
            exchange.steps(MINUTE_MS)
        book = exchange.http.get(f"/v5/market/orderbook?category=linear&symbol=BTCUSDT&limit={depth}").json()["result"]
        kept = heard.until(lambda frame: frame["data"]["b"] and _best(frame["data"]) == _best(book))["data"]
        assert stream.socket.is_connected()
    for side in "ba":
        assert sorted(kept[side]) == sorted(book[side])


def _best(book: dict[str, Any]) -> tuple[Decimal, Decimal]:
    return max(Decimal(price) for price, _ in book["b"]), min(Decimal(price) for price, _ in book["a"])


def test_several_symbols_are_heard_on_one_socket_and_one_can_be_left(exchange: ServedExchange) -> None:
    heard = Heard()
    with pybit_stream(exchange.endpoint, "linear") as stream:
        stream.socket.ticker_stream(["BTCUSDT", "ETHUSDT"], heard)
        stream.socket.kline_stream(5, "BTCUSDT", Heard())
        told = {heard.until(lambda _: True)["data"]["symbol"] for _ in range(2)}
        stream.subscribed(2)
        stream.socket.unsubscribe("kline.5.BTCUSDT")
        exchange.steps(MINUTE_MS)
        heard.until(lambda frame: frame["data"]["symbol"] == "ETHUSDT")
    assert told == {"BTCUSDT", "ETHUSDT"}


@dataclass
class Listening:
    trader: PybitTrader
    order: Heard = field(default_factory=Heard)
    execution: Heard = field(default_factory=Heard)
    position: Heard = field(default_factory=Heard)
    wallet: Heard = field(default_factory=Heard)


@pytest.fixture
def listening(trader: PybitTrader) -> Iterator[Listening]:
    heard = Listening(trader)
    with pybit_stream(trader.exchange.endpoint, "private") as stream:
        stream.socket.order_stream(heard.order)
        stream.socket.execution_stream(heard.execution)
        stream.socket.position_stream(heard.position)
        stream.socket.wallet_stream(heard.wallet)
        stream.subscribed(4)
        yield heard


@pytest.fixture
def trading(trader: PybitTrader) -> Iterator[Any]:
    with ExitStack() as stack:
        yield stack.enter_context(pybit_trading_socket(trader.exchange.endpoint))


def test_a_trade_is_told_as_order_execution_position_and_wallet(listening: Listening) -> None:
    made = listening.trader.places(qty="0.02")
    order = listening.order.row(orderId=made, orderStatus="Filled")
    fill = listening.execution.row(orderId=made)
    position = listening.position.row(size="0.02")
    assert (order["cumExecQty"], order["category"]) == ("0.02", "linear")
    assert Decimal(fill["execFee"]) == Decimal(order["cumExecFee"])
    assert (position["side"], Decimal(position["entryPrice"])) == ("Buy", Decimal(order["avgPrice"]))
    wallet = listening.wallet.until(lambda frame: frame["data"][0]["coin"][0]["totalPositionIM"] != "0")["data"][0]
    assert Decimal(wallet["coin"][0]["walletBalance"]) > 0


@pytest.mark.parametrize("topic", PRIVATE)
def test_a_private_frame_has_just_the_documented_fields(listening: Listening, topic: str) -> None:
    listening.trader.places(stopLoss=str(listening.trader.exchange.price("0.98")))
    frame = getattr(listening, topic).until(lambda _: True)
    assert differences(frame, PRIVATE[topic]) == []


def test_amending_and_cancelling_are_told_and_push_the_position_too(listening: Listening) -> None:
    made = listening.trader.rests()
    listening.trader.session.amend_order(**LINEAR, orderId=made, qty="0.02")
    listening.order.row(orderId=made, qty="0.02", orderStatus="New")
    listening.trader.session.cancel_order(**LINEAR, orderId=made)
    listening.order.row(orderId=made, orderStatus="Cancelled", leavesQty="0")
    for _ in range(3):
        listening.position.row(symbol="BTCUSDT", size="0")


def test_what_the_market_does_to_a_stop_is_told(listening: Listening) -> None:
    listening.trader.places(side="Sell", stopLoss=str(listening.trader.exchange.price("1.004")))
    listening.trader.exchange.steps(20 * MINUTE_MS)
    stop = listening.order.row(stopOrderType="StopLoss", orderStatus="Filled")
    assert (stop["side"], stop["createType"], stop["reduceOnly"]) == ("Buy", "CreateByStopLoss", True)
    listening.position.row(size="0.01", side="Sell")
    listening.position.row(size="0", side="")


def test_orders_are_made_amended_and_cancelled_on_the_trade_socket(trader: PybitTrader, trading: Any) -> None:
    heard = Heard()
    price = str(trader.exchange.price("0.98"))
    trading.place_order(heard, heard, **{**ENTRY, "orderType": "Limit", "price": price, "orderLinkId": "by-socket"})
    made = heard.until(lambda _: True)
    assert (made["retCode"], made["op"], made["data"]["orderLinkId"]) == (0, "order.create", "by-socket")
    order_id = made["data"]["orderId"]
    trading.amend_order(heard, heard, **LINEAR, orderId=order_id, qty="0.02")
    assert heard.until(lambda _: True)["retCode"] == 0
    assert trader.order(order_id)["qty"] == "0.02"
    trading.cancel_order(heard, heard, **LINEAR, orderId=order_id)
    assert heard.until(lambda _: True)["data"]["orderId"] == order_id
    assert trader.order(order_id)["orderStatus"] == "Cancelled"


def test_the_trade_socket_refuses_with_the_same_codes(trader: PybitTrader, trading: Any) -> None:
    heard = Heard()
    for fields, code in (
        ({**ENTRY, "qty": "-1"}, 10001),
        ({**ENTRY, "qty": "10"}, 110007),
        ({**ENTRY, "side": "Sell", "reduceOnly": True}, 110017),
    ):
        trading.place_order(pytest.fail, heard, **fields)
        answer = heard.until(lambda _: True)
        assert (answer["retCode"], bool(answer["retMsg"])) == (code, True)
    trading.cancel_order(pytest.fail, heard, **LINEAR, orderId="nowhere")
    assert heard.until(lambda _: True)["retCode"] == 110001
    assert trader.position()["size"] == "0"


def test_a_batch_is_placed_on_the_trade_socket(trader: PybitTrader, trading: Any) -> None:
    heard = Heard()
    order = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01"}
    order["price"] = str(trader.exchange.price("0.98"))
    trading.place_batch_order(heard, heard, category="linear", request=[order, order])
    answer = heard.until(lambda _: True)
    assert [item["code"] for item in answer["retExtInfo"]["list"]] == [0, 0]
    assert len(trader.open_orders()) == 2
