from decimal import Decimal as D

import pytest
from pydantic import JsonValue

from libs.common.errors import Refused
from libs.common.exchange.trading_types import Action
from services.paper_exchange.core.fields import Fields
from services.paper_exchange.core.new_order import NewOrder, one_way, read_new_order
from services.paper_exchange.core.order import Direction, InForce, Kind
from tests.support.scripted_market import BTC


def read(**fields: JsonValue) -> NewOrder:
    usual: dict[str, JsonValue] = {"category": "linear", "symbol": BTC, "side": "Buy", "orderType": "Market"}
    return read_new_order(Fields({**usual, "qty": "1", **fields}))


def test_a_market_order_is_immediate_or_cancel_and_has_no_price() -> None:
    new = read(timeInForce="GTC", price="90")
    assert (new.kind, new.in_force, new.price) == (Kind.MARKET, InForce.IOC, None)


@pytest.mark.parametrize(
    ("said", "in_force"),
    [
        ("", InForce.GTC),
        ("GTC", InForce.GTC),
        ("IOC", InForce.IOC),
        ("FOK", InForce.FOK),
        ("PostOnly", InForce.POST_ONLY),
    ],
)
def test_a_limit_order_stays_as_long_as_it_says(said: str, in_force: InForce) -> None:
    new = read(orderType="Limit", price=99.5, timeInForce=said)
    assert (new.price, new.in_force) == (D("99.5"), in_force)


def test_everything_that_was_said_is_read() -> None:
    new = read(
        side="Sell", qty="0.25", orderLinkId="mine", reduceOnly=True, closeOnTrigger="true", triggerPrice="95",
        triggerDirection=2, stopLoss="110", takeProfit="0", positionIdx="0",
    )  # fmt: skip
    assert new == NewOrder(
        BTC, Action.SELL, Kind.MARKET, D("0.25"), None, InForce.IOC, "mine", True, True,  # type: ignore[arg-type]
        D(95), Direction.FALL, D(110), None,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("qty", "reduce_only", "close", "whole"),
    [("0", True, True, True), ("0", True, False, False), ("0", False, True, False), ("1", True, True, False)],
)
def test_nothing_reduce_only_and_close_on_trigger_is_the_whole_position(
    qty: str, reduce_only: bool, close: bool, whole: bool
) -> None:
    assert read(qty=qty, reduceOnly=reduce_only, closeOnTrigger=close).whole_position is whole


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"category": "spot"}, "category only supports linear"),
        ({"positionIdx": 1}, "position idx not match position mode"),
        ({"orderType": "Stop"}, "orderType invalid"),
        ({"orderType": ""}, "orderType invalid"),
        ({"qty": ""}, "qty required"),
        ({"orderType": "Limit"}, "price required"),
        ({"orderType": "Limit", "price": "0"}, "price required"),
        ({"triggerPrice": "95"}, "triggerDirection required"),
        ({"triggerPrice": "95", "triggerDirection": 3}, "triggerDirection invalid"),
        ({"symbol": ""}, "symbol required"),
        ({"side": "buy"}, "side invalid"),
        ({"orderType": "Limit", "price": "9", "timeInForce": "DAY"}, "timeInForce invalid"),
        ({"reduceOnly": "maybe"}, "reduceOnly invalid"),
        ({"orderLinkId": "a b"}, "OrderLinkId invalid"),
        ({"stopLoss": "-1"}, "stopLoss invalid"),
    ],
)
def test_the_first_field_that_makes_no_sense_is_named(fields: dict[str, JsonValue], text: str) -> None:
    with pytest.raises(Refused, match=text) as refused:
        read(**fields)
    assert refused.value.code == 10001


@pytest.mark.parametrize("index", [None, 0, "0", "0.0"])
def test_an_index_of_zero_or_none_is_one_way_mode(index: JsonValue) -> None:
    one_way(Fields({"positionIdx": index}))
