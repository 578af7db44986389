import pytest
from pydantic import JsonValue

from libs.common.errors import Refused
from services.paper_exchange.core.books.commands import AUDITED, COMMANDS
from tests.support.scripted_market import BTC, ETH
from tests.support.trading_floor import Floor


def test_what_touches_an_order_or_a_stop_is_audited() -> None:
    assert {path.removeprefix("/v5/") for path in AUDITED} == {
        "order/create", "order/amend", "order/cancel", "order/cancel-all", "position/trading-stop",
    }  # fmt: skip
    assert COMMANDS.keys() > AUDITED


def test_create_amend_and_cancel_answer_with_both_ids() -> None:
    floor = Floor()
    made = floor.asks("order/create", side="Buy", orderType="Limit", price="90", qty="1", orderLinkId="mine")
    assert made["orderLinkId"] == "mine"
    assert floor.asks("order/amend", orderLinkId="mine", price="91") == made
    assert floor.asks("order/cancel", orderId=made["orderId"]) == made
    assert not floor.books.open_orders()


@pytest.mark.parametrize("path", ["order/amend", "order/cancel"])
@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({}, 10001, "orderId or orderLinkId required"),
        ({"orderId": "nobody"}, 110001, "order not exists or too late to cancel"),
        ({"orderLinkId": "nobody"}, 110001, "order not exists or too late to cancel"),
        ({"orderId": "nobody", "orderLinkId": "mine"}, 110001, "not exists"),  # the venue's id outranks the client's
        ({"symbol": ETH, "orderLinkId": "mine"}, 110001, "not exists"),
        ({"symbol": "", "orderLinkId": "mine"}, 10001, "symbol required"),
        ({"category": "inverse", "orderLinkId": "mine"}, 10001, "category"),
    ],
)
def test_an_order_that_is_not_named_or_not_there_is_refused(
    path: str, fields: dict[str, JsonValue], code: int, text: str
) -> None:
    floor = Floor()
    floor.buys("1", orderType="Limit", price="90", orderLinkId="mine")
    with pytest.raises(Refused, match=text) as refused:
        floor.asks(path, **fields)
    assert refused.value.code == code
    assert len(floor.books.open_orders()) == 1


@pytest.mark.parametrize(
    ("fields", "gone"),
    [
        ({}, ["limit", "waits", ""]),
        ({"symbol": "", "settleCoin": "USDT"}, ["limit", "waits", "", "other"]),
        ({"symbol": "", "settleCoin": "USDC"}, []),
        ({"symbol": "", "baseCoin": "BTC"}, ["limit", "waits", ""]),
        ({"symbol": "", "baseCoin": "BT"}, []),
        ({"baseCoin": "ETH"}, ["limit", "waits", ""]),  # the symbol outranks the coin
        ({"orderFilter": "Order"}, ["limit"]),
        ({"orderFilter": "StopOrder"}, ["waits", ""]),
        ({"stopOrderType": "Stop"}, ["waits"]),
        ({"stopOrderType": "StopLoss"}, [""]),
    ],
)
def test_cancel_all_takes_what_the_filters_choose_oldest_first(fields: dict[str, JsonValue], gone: list[str]) -> None:
    floor = Floor()
    floor.buys("1", orderType="Limit", price="90", orderLinkId="limit")
    floor.buys("1", triggerPrice="110", triggerDirection=1, orderLinkId="waits")
    floor.buys("1", stopLoss="95")
    floor.buys("1", symbol=ETH, orderType="Limit", price="9", orderLinkId="other")
    cancelled = floor.asks("order/cancel-all", **fields)
    rows = cancelled["list"]
    assert isinstance(rows, list)
    assert [row["orderLinkId"] for row in rows if isinstance(row, dict)] == gone
    assert cancelled["success"] == "1"
    assert len(floor.books.open_orders()) == 4 - len(gone)


def test_cancel_all_wants_to_know_of_what() -> None:
    with pytest.raises(Refused, match="symbol, baseCoin or settleCoin required"):
        Floor().asks("order/cancel-all", symbol="")


@pytest.mark.parametrize(
    ("sell", "text"), [("4", "buy leverage must equal sell leverage"), ("", "buyLeverage and sellLeverage required")]
)
def test_leverage_is_one_number_in_one_way_mode(sell: str, text: str) -> None:
    with pytest.raises(Refused, match=text):
        Floor().asks("position/set-leverage", buyLeverage="5", sellLeverage=sell)


@pytest.mark.parametrize(
    ("opens", "fields", "code"),
    [
        ("", {"symbol": "", "coin": "USDT", "mode": 0}, None),  # a batch succeeds when nothing changes
        ("", {"mode": 0}, 110025),
        ("position", {"mode": 3}, 110024),
        ("order", {"mode": 3}, 110028),
        ("order", {"symbol": "", "coin": "USDT", "mode": 3}, 110028),
        ("position", {"symbol": "", "coin": "USDT", "mode": 3}, 110024),
        ("position", {"symbol": ETH, "mode": 3}, None),
        ("", {"mode": 3}, None),
        ("", {"mode": 1}, 10001),
        ("", {"symbol": "", "coin": "BTC", "mode": 3}, 10001),
    ],
)
def test_a_mode_is_switched_where_nothing_is_open(opens: str, fields: dict[str, JsonValue], code: int | None) -> None:
    floor = Floor()
    if opens:
        floor.buys("1", **({"orderType": "Limit", "price": "90"} if opens == "order" else {}))
    if code is None:
        assert floor.asks("position/switch-mode", **fields) == {}
    else:
        with pytest.raises(Refused) as refused:
            floor.asks("position/switch-mode", **fields)
        assert refused.value.code == code


@pytest.mark.parametrize("mode", ["ISOLATED_MARGIN", "REGULAR_MARGIN"])
def test_a_margin_mode_is_taken_without_a_reason_against_it(mode: str) -> None:
    assert Floor().asks("account/set-margin-mode", setMarginMode=mode, leverage="5") == {"reasons": []}
    with pytest.raises(Refused, match="setMarginMode invalid"):
        Floor().asks("account/set-margin-mode", setMarginMode=mode.lower())


def test_setting_one_stop_leaves_the_other() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95", takeProfit="110")
    floor.asks("position/trading-stop", takeProfit="0")
    assert (str(floor.position.stop), floor.position.take_profit) == ("95", None)
    assert [str(order.trigger) for order in floor.books.open_orders(BTC)] == ["95"]
