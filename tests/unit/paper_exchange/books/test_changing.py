from decimal import Decimal as D

import pytest

from libs.common.errors import Refused
from services.paper_exchange.core.books.changing import cancel_all
from services.paper_exchange.core.books.funds import available
from services.paper_exchange.core.books.order import StopKind
from tests.support.trading_floor import BTC_ONLY, Floor


def resting(floor: Floor, **fields: str) -> str:
    order = floor.buys(**{"qty": "2", "orderType": "Limit", "price": "95", "stopLoss": "90", **fields})
    assert order is not None
    return order.order_id


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"qty": "3"}, "qty", D(3)),
        ({"qty": 1.5}, "qty", D("1.5")),  # a client repeats its user's numbers, not text
        ({"price": "96.1"}, "price", D("96.1")),
        ({"stopLoss": "91"}, "stop_loss", D(91)),
        ({"stopLoss": "0"}, "stop_loss", None),
        ({"takeProfit": "110"}, "take_profit", D(110)),
    ],
)
def test_an_amended_order_has_the_new_value_and_keeps_the_rest(
    fields: dict[str, str], name: str, value: D | None
) -> None:
    floor = Floor()
    made = resting(floor)
    before = floor.open_order(made)
    floor.asks("order/amend", orderId=made, **fields)
    after = floor.open_order(made)
    assert after is not None
    changed = {each for each in ("qty", "price", "stop_loss", "take_profit", "seq", "created_at", "side")
               if getattr(after, each, None) != getattr(before, each, None)}  # fmt: skip
    assert (changed, getattr(after, name)) == ({name}, value)


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({}, 10001, "remains unchanged"),
        ({"price": "95.0", "qty": "2"}, 10001, "remains unchanged"),
        ({"takeProfit": "0"}, 10001, "remains unchanged"),
        ({"qty": "0.0005"}, 10001, "Qty invalid"),
        ({"qty": "2000"}, 10001, "maximum limit"),
        ({"price": "95.05"}, 10001, "Price invalid"),
        ({"price": "120"}, 110003, "allowable range"),
        ({"stopLoss": "95"}, 10001, "should lower"),
        ({"qty": "900"}, 110007, "not enough"),
        ({"qty": "0.05"}, 110094, "minimum order value"),
        ({"qty": "0"}, 10001, "minimum limit"),
        ({"triggerPrice": "120"}, 10001, "triggerPrice"),
    ],
)
def test_an_amendment_that_may_not_be_leaves_the_order_as_it_was(fields: dict[str, str], code: int, text: str) -> None:
    floor = Floor()
    made = resting(floor)
    before = floor.open_order(made)
    with pytest.raises(Refused, match=text) as refused:
        floor.asks("order/amend", orderId=made, **fields)
    assert (refused.value.code, floor.open_order(made)) == (code, before)


def test_a_dearer_price_needs_the_margin_for_it() -> None:
    floor = Floor(balance="19.5")
    made = resting(floor)  # holds 19
    with pytest.raises(Refused) as refused:
        floor.asks("order/amend", orderId=made, price="99")
    assert refused.value.code == 110007
    floor.asks("order/amend", orderId=made, price="94")
    assert available(floor.books) == D("19.5") - D("18.8") - (188 + D("169.2")) * D("0.00055")


def test_an_order_amended_through_the_market_is_filled_as_taker() -> None:
    floor = Floor()
    made = resting(floor)
    floor.asks("order/amend", orderId=made, price="101")
    (fill,) = floor.fills
    assert (fill.order_id, fill.price, fill.maker, floor.position.stop) == (made, D("100.1"), False, D(90))


@pytest.mark.parametrize(
    ("direction", "trigger", "code"), [(1, "99", 110092), (2, "101", 110093), (1, "120", None), (2, "80", None)]
)
def test_a_trigger_stays_on_its_side_of_the_market(direction: int, trigger: str, code: int | None) -> None:
    floor = Floor()
    order = floor.buys(triggerPrice="110" if direction == 1 else "90", triggerDirection=direction)
    assert order is not None
    if code is None:
        floor.asks("order/amend", orderId=order.order_id, triggerPrice=trigger)
        assert floor.books.open_orders()[0].trigger == D(trigger)
    else:
        with pytest.raises(Refused) as refused:
            floor.asks("order/amend", orderId=order.order_id, triggerPrice=trigger)
        assert refused.value.code == code


@pytest.mark.parametrize(("kind", "price"), [(StopKind.STOP_LOSS, "96"), (StopKind.TAKE_PROFIT, "112")])
def test_moving_a_stop_s_order_moves_the_position_s_stop(kind: StopKind, price: str) -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95", takeProfit="110")
    guard = floor.books.guard(BTC_ONLY, kind)
    assert guard is not None
    floor.asks("order/amend", orderId=guard.order_id, triggerPrice=price)
    stops = {StopKind.STOP_LOSS: floor.position.stop, StopKind.TAKE_PROFIT: floor.position.take_profit}
    usual = {StopKind.STOP_LOSS: D(95), StopKind.TAKE_PROFIT: D(110)}
    assert stops == {**usual, kind: D(price)}


@pytest.mark.parametrize("fields", [{"triggerPrice": "0"}, {"qty": "5"}, {}])
def test_amending_a_stop_s_order_never_takes_the_stop_away(fields: dict[str, str]) -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    guard = floor.books.guard(BTC_ONLY, StopKind.STOP_LOSS)
    assert guard is not None
    with pytest.raises(Refused, match="remains unchanged"):
        floor.asks("order/amend", orderId=guard.order_id, **fields)
    assert floor.position.stop == D(95)


def test_cancelling_all_skips_what_another_cancel_took_along() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    orders = floor.books.open_orders()
    assert [order.order_id for order in cancel_all(floor.books, [*orders, *orders], floor.now)] == [orders[0].order_id]


@pytest.mark.parametrize(
    ("leverage", "code"), [("10", 110043), ("0", 110013), ("0.5", 110013), ("51", 110013), ("50", None), ("1", None)]
)
def test_leverage_lies_between_one_and_the_contract_s_most(leverage: str, code: int | None) -> None:
    floor = Floor()
    if code is None:
        floor.asks("position/set-leverage", buyLeverage=leverage, sellLeverage=leverage)
        assert floor.position.leverage == D(leverage)
    else:
        with pytest.raises(Refused) as refused:
            floor.asks("position/set-leverage", buyLeverage=leverage, sellLeverage=leverage)
        assert (refused.value.code, floor.position.leverage) == (code, D(10))


@pytest.mark.parametrize("fields", [{"qty": "1"}, {"qty": "1", "orderType": "Limit", "price": "99"}])
def test_less_leverage_needs_the_margin_of_positions_and_of_resting_orders(fields: dict[str, str]) -> None:
    floor = Floor(balance="20")
    floor.buys(**fields)
    with pytest.raises(Refused) as refused:
        floor.asks("position/set-leverage", buyLeverage="2", sellLeverage="2")
    assert (refused.value.code, floor.position.leverage) == (110007, D(10))
    assert available(floor.books) >= 0


def test_an_order_that_waits_for_no_trigger_is_given_none() -> None:
    floor = Floor()
    order = floor.buys("1", orderType="Limit", price="97")
    assert order is not None
    with pytest.raises(Refused, match="only while the order waits"):
        floor.asks("order/amend", orderId=order.order_id, triggerPrice="99")


def test_a_triggered_order_that_rests_is_amended_like_any_other() -> None:
    floor = Floor()
    made = resting(floor, triggerPrice="102", triggerDirection="1")
    floor.moves("102")
    floor.asks("order/amend", orderId=made, price="94")
    after = floor.open_order(made)
    assert after is not None
    assert (after.waits, after.price, after.trigger) == (False, D(94), D(102))
