"""pybit, unmodified, takes orders through their lives on the paper exchange."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from libs.common.units import MINUTE_MS
from tests.support.bybit_process import ServedExchange, served_exchange
from tests.support.bybit_pybit import ENTRY, LINEAR, PybitTrader, pybit_trader, refused

TWENTY_MINUTES = 20 * MINUTE_MS


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedExchange]:
    with served_exchange(tmp_path_factory.mktemp("pybit"), limits="off") as served:
        yield served


@pytest.fixture
def trader(exchange: ServedExchange) -> Iterator[PybitTrader]:
    with pybit_trader(exchange) as trading:
        yield trading


def test_a_market_order_is_filled_beyond_the_touch_and_shows_a_protected_price(trader: PybitTrader) -> None:
    ask = Decimal(trader.exchange.ticker()["ask1Price"])
    order = trader.order(trader.places())
    assert (order["orderStatus"], order["cumExecQty"], order["leavesQty"]) == ("Filled", "0.01", "0")
    assert (order["timeInForce"], order["orderType"]) == ("IOC", "Market")
    assert ask <= Decimal(order["avgPrice"]) <= Decimal(order["price"])
    assert Decimal(order["price"]) > ask * Decimal("1.01")
    fee = Decimal(order["cumExecValue"]) * Decimal("0.00055")
    assert abs(Decimal(order["cumFeeDetail"]["USDT"]) - fee) < Decimal("0.000001")


def test_a_large_market_order_pays_more_than_a_small_one(trader: PybitTrader) -> None:
    small = trader.order(trader.places(qty="0.001"))
    large = trader.order(trader.places(qty="0.5"))
    assert Decimal(large["avgPrice"]) > Decimal(small["avgPrice"])


def test_a_limit_order_rests_and_is_filled_as_maker_at_its_price(trader: PybitTrader) -> None:
    made = trader.rests("1.005", side="Sell")
    assert trader.order(made)["orderStatus"] == "New"
    trader.exchange.steps(TWENTY_MINUTES)
    order = trader.order(made)
    assert (order["orderStatus"], order["avgPrice"]) == ("Filled", order["price"])
    fills = trader.session.get_executions(**LINEAR, orderId=made)["result"]["list"]
    assert sum(Decimal(fill["execQty"]) for fill in fills) == Decimal("0.01")
    assert {(fill["isMaker"], fill["feeRate"]) for fill in fills} == {(True, "0.0002")}


def test_a_post_only_order_that_would_take_is_accepted_and_cancelled(trader: PybitTrader) -> None:
    order = trader.order(trader.rests("1.001", timeInForce="PostOnly"))
    assert (order["orderStatus"], order["rejectReason"]) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")
    assert (order["cumExecQty"], order["leavesQty"]) == ("0", "0")
    assert trader.order(trader.rests("0.999", timeInForce="PostOnly"))["orderStatus"] == "New"


@pytest.mark.parametrize("kind", ["IOC", "FOK"])
def test_what_must_fill_at_once_and_cannot_is_cancelled(trader: PybitTrader, kind: str) -> None:
    missed = trader.order(trader.rests("0.99", timeInForce=kind))
    assert (missed["orderStatus"], missed["cumExecQty"], missed["timeInForce"]) == ("Cancelled", "0", kind)
    met = trader.order(trader.rests("1.01", timeInForce=kind))
    assert (met["orderStatus"], met["cumExecQty"]) == ("Filled", "0.01")


def test_an_order_is_amended_and_keeps_its_id(trader: PybitTrader) -> None:
    made = trader.rests(orderLinkId="amended")
    price = str(trader.exchange.price("0.985"))
    answer = trader.session.amend_order(**LINEAR, orderLinkId="amended", price=price, qty="0.02")
    assert answer["result"] == {"orderId": made, "orderLinkId": "amended"}
    order = trader.order(made)
    assert (Decimal(order["price"]), order["qty"], order["orderStatus"]) == (Decimal(price), "0.02", "New")
    with refused(10001):
        trader.session.amend_order(**LINEAR, orderId=made, price=price)
    with refused(110001):
        trader.session.amend_order(**LINEAR, orderId="nowhere", price=price)


def test_an_order_is_cancelled_once(trader: PybitTrader) -> None:
    made = trader.rests()
    trader.session.cancel_order(**LINEAR, orderId=made)
    order = trader.order(made)
    assert (order["orderStatus"], order["cancelType"], order["leavesQty"]) == ("Cancelled", "CancelByUser", "0")
    with refused(110001):
        trader.session.cancel_order(**LINEAR, orderId=made)


def test_cancel_all_takes_what_its_filter_says(trader: PybitTrader) -> None:
    plain = trader.rests("0.99")
    stop = trader.places(triggerPrice=str(trader.exchange.price("1.01")), triggerDirection=1)
    taken = trader.session.cancel_all_orders(**LINEAR, orderFilter="StopOrder")["result"]
    assert ([row["orderId"] for row in taken["list"]], taken["success"]) == ([stop], "1")
    assert [row["orderId"] for row in trader.open_orders()] == [plain]
    taken = trader.session.cancel_all_orders(category="linear", settleCoin="USDT")["result"]
    assert [row["orderId"] for row in taken["list"]] == [plain]
    with refused(10001):
        trader.session.cancel_all_orders(category="linear")


@pytest.mark.parametrize("by", ["LastPrice", "MarkPrice"])
def test_a_conditional_order_waits_for_the_price_that_it_names(trader: PybitTrader, by: str) -> None:
    trigger = trader.exchange.price("1.005")
    made = trader.places(triggerPrice=str(trigger), triggerDirection=1, triggerBy=by)
    waiting = trader.order(made)
    assert (waiting["orderStatus"], waiting["stopOrderType"], waiting["triggerBy"]) == ("Untriggered", "Stop", by)
    trader.exchange.steps(MINUTE_MS)
    assert trader.order(made)["orderStatus"] == "Untriggered"
    trader.exchange.steps(40 * MINUTE_MS)
    done = trader.order(made)
    assert (done["orderStatus"], done["createType"]) == ("Filled", "CreateByStopOrder")
    assert Decimal(done["avgPrice"]) > trigger


def test_a_triggered_limit_order_rests(trader: PybitTrader) -> None:
    made = trader.rests(
        "1.01", side="Sell", triggerPrice=str(trader.exchange.price("1.004")), triggerDirection=1, orderLinkId="later"
    )
    trader.exchange.steps(TWENTY_MINUTES)
    assert trader.order(made)["orderStatus"] == "New"
    trader.exchange.steps(TWENTY_MINUTES)
    assert trader.order(made)["orderStatus"] == "Filled"


def test_a_trigger_on_the_wrong_side_of_the_market_is_refused(trader: PybitTrader) -> None:
    for times, direction, code in (("0.99", 1, 110092), ("1.01", 2, 110093)):
        with refused(code):
            trader.places(triggerPrice=str(trader.exchange.price(times)), triggerDirection=direction)


def test_ten_conditional_orders_are_the_most_a_symbol_has(trader: PybitTrader) -> None:
    trigger = {"triggerPrice": str(trader.exchange.price("1.01")), "triggerDirection": 1, "qty": "0.001"}
    for _ in range(10):
        trader.places(**trigger)
    with refused(110009):
        trader.places(**trigger)


def test_a_reduce_only_order_never_opens_nor_flips(trader: PybitTrader) -> None:
    with refused(110017):
        trader.closes()
    trader.places()
    trader.closes(qty="0.05")
    assert (trader.position()["side"], trader.position()["size"]) == ("", "0")


def test_nothing_is_the_quantity_that_closes_everything(trader: PybitTrader) -> None:
    trader.places(qty="0.03")
    closed = trader.order(trader.closes(qty="0", closeOnTrigger=True))
    assert (closed["cumExecQty"], closed["closeOnTrigger"]) == ("0.03", True)
    assert trader.position()["size"] == "0"


def test_resting_reduce_only_orders_die_with_their_position(trader: PybitTrader) -> None:
    trader.places()
    resting = trader.rests("1.01", side="Sell", reduceOnly=True)
    trader.closes()
    order = trader.order(resting)
    assert (order["orderStatus"], order["cancelType"]) == ("Cancelled", "CancelByReduceOnly")


def test_a_close_on_trigger_stop_closes_and_frees_what_it_needs(trader: PybitTrader) -> None:
    trader.places()
    trigger = {"triggerPrice": str(trader.exchange.price("1.004")), "triggerDirection": 1}
    stop = trader.closes(**trigger, closeOnTrigger=True)
    trader.exchange.steps(TWENTY_MINUTES)
    assert trader.order(stop)["orderStatus"] == "Filled"
    assert trader.position()["size"] == "0"


def test_an_order_id_is_used_once(trader: PybitTrader) -> None:
    trader.places(orderLinkId="once-and-never-again")
    with refused(110072):
        trader.places(orderLinkId="once-and-never-again")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"qty": "1000000"}, 10001),
        ({"qty": "0.0000001"}, 10001),
        ({"qty": "-1"}, 10001),
        ({"qty": "NaN"}, 10001),
        ({"qty": "10"}, 110007),
        ({"side": "Long"}, 10001),
        ({"symbol": "NOPEUSDT"}, 10001),
        ({"orderType": "Limit"}, 10001),
        ({"stopLoss": "200000"}, 10001),
        ({"orderLinkId": "x" * 37}, 10001),
    ],
)
def test_what_cannot_be_is_refused_with_the_venues_code(
    trader: PybitTrader, changes: dict[str, str], code: int
) -> None:
    with refused(code):
        trader.places(**changes)
    assert trader.position()["size"] == "0"


def test_an_order_worth_less_than_the_minimum_is_refused(trader: PybitTrader) -> None:
    with refused(110094):
        trader.places(symbol="ETHUSDT", orderType="Limit", price="400", qty="0.01")


def test_history_is_found_by_status_and_page_by_page(trader: PybitTrader) -> None:
    made = [trader.rests(orderLinkId=f"page-{number}") for number in range(5)]
    trader.session.cancel_all_orders(**LINEAR)
    found: list[str] = []
    cursor = ""
    while len(found) < 5:
        page = trader.session.get_order_history(**LINEAR, orderStatus="Cancelled", limit=2, cursor=cursor)["result"]
        found += [row["orderId"] for row in page["list"]]
        cursor = page["nextPageCursor"]
    assert found[:5] == made[::-1]
    [closed] = trader.session.get_order_history(**LINEAR, orderLinkId="page-3")["result"]["list"]
    assert closed["orderId"] == made[3]


def test_closed_orders_are_asked_for_among_the_open_ones_too(trader: PybitTrader) -> None:
    made = trader.places()
    closed = trader.session.get_open_orders(**LINEAR, openOnly=1, limit=1)["result"]["list"]
    assert [row["orderId"] for row in closed] == [made]
    assert trader.open_orders() == []


def test_a_batch_is_taken_one_by_one(trader: PybitTrader) -> None:
    price = str(trader.exchange.price("0.98"))
    good = {name: value for name, value in ENTRY.items() if name != "category"} | {"orderType": "Limit", "price": price}
    answer = trader.session.place_batch_order(category="linear", request=[good, {**good, "side": "Up"}, good])
    assert [item["code"] for item in answer["retExtInfo"]["list"]] == [0, 10001, 0]
    made = [row["orderId"] for row in answer["result"]["list"] if row["orderId"]]
    assert [row["orderId"] for row in trader.open_orders()] == made[::-1]
    amended = [{"symbol": "BTCUSDT", "orderId": each, "qty": "0.02"} for each in made]
    trader.session.amend_batch_order(category="linear", request=amended)
    assert [row["qty"] for row in trader.open_orders()] == ["0.02", "0.02"]
    gone = [{"symbol": "BTCUSDT", "orderId": each} for each in made]
    trader.session.cancel_batch_order(category="linear", request=gone)
    assert trader.open_orders() == []
