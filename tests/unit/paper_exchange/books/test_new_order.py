from decimal import Decimal as D

import pytest
from pydantic import JsonValue

from libs.common.errors import Refused
from libs.common.exchange.trading_types import Action
from libs.common.units import Price, Qty
from services.paper_exchange.core.books.fields import Fields
from services.paper_exchange.core.books.leg import Leg
from services.paper_exchange.core.books.new_order import BookSide, FromBook, NewOrder, read_leg, read_new_order
from services.paper_exchange.core.books.order import (
    Cover,
    Direction,
    InForce,
    Kind,
    Terms,
    Tolerance,
    ToleranceType,
    TriggerBy,
)
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
        BTC, Action.SELL, Kind.MARKET, Qty(D("0.25")), in_force=InForce.IOC, link_id="mine", reduce_only=True,
        close_on_trigger=True, trigger=Price(D(95)), direction=Direction.FALL, stop_loss=Price(D(110)),
    )  # fmt: skip
    more = read(
        positionIdx=2, triggerBy="MarkPrice", triggerPrice="95", triggerDirection=1, tpslMode="Partial",
        takeProfit="120", tpOrderType="Limit", tpLimitPrice="121", slTriggerBy="MarkPrice",
        slippageToleranceType="TickSize",
        slippageTolerance=5,
    )  # fmt: skip
    assert (more.leg, more.trigger_by, more.cover) == (Leg.SHORT, TriggerBy.MARK, Cover.PARTIAL)
    assert (more.target_terms, more.stop_terms) == (Terms(limit=Price(D(121))), Terms(TriggerBy.MARK))
    assert more.tolerance == Tolerance(ToleranceType.TICKS, D(5))
    asked = read(orderType="Limit", bboSideType="Counterparty", bboLevel="3")
    assert (asked.price, asked.from_book) == (None, FromBook(BookSide.COUNTERPARTY, 3))


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
        ({"positionIdx": 3}, "position idx not match position mode"),
        ({"tpslMode": "Half"}, "tpslMode invalid"),
        ({"slOrderType": "Limit", "slLimitPrice": "9"}, "slOrderType Limit needs tpslMode Partial"),
        ({"tpslMode": "Partial", "tpOrderType": "Limit"}, "tpLimitPrice required"),
        ({"orderType": "Limit", "bboSideType": "Queue", "bboLevel": 6}, "bboLevel must be 1 to 5"),
        ({"slippageToleranceType": "Percent", "slippageTolerance": "11"}, "slippageTolerance must be"),
        ({"triggerBy": "Best"}, "triggerBy invalid"),
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


@pytest.mark.parametrize(("index", "leg"), [(None, 0), (0, 0), ("0", 0), ("0.0", 0), (1, 1), ("2", 2)])
def test_an_index_names_the_leg(index: JsonValue, leg: int) -> None:
    assert read_leg(Fields({"positionIdx": index})) is Leg(leg)


@pytest.mark.parametrize(
    ("fields", "reduces"),
    [
        ({}, False),
        ({"reduceOnly": True}, True),
        ({"closeOnTrigger": True}, True),
        ({"side": "Sell", "positionIdx": 1}, True),
        ({"side": "Buy", "positionIdx": 1}, False),
        ({"side": "Buy", "positionIdx": 2}, True),
    ],
)
def test_what_closes_a_leg_reduces_without_saying_so(fields: dict[str, JsonValue], reduces: bool) -> None:
    assert read(**fields).reduces is reduces
