from decimal import Decimal as D

import pytest

from libs.common.errors import Refused
from libs.common.exchange.trading_types import OrderStatus
from libs.common.units import Side
from services.paper_exchange.core.changes import OrderChanged
from tests.support.trading_floor import Floor


def test_a_market_order_fills_at_the_last_price_and_half_the_spread() -> None:
    floor = Floor()
    floor.buys("1")
    (fill,) = floor.fills
    assert fill.price == D("100.1")
    assert fill.fee == D("100.1") * D("0.00055")
    assert (floor.position.side, floor.position.size, floor.position.entry) == (Side.LONG, D(1), D("100.1"))


def test_a_link_id_used_ever_before_is_refused_even_when_its_order_is_long_gone() -> None:
    floor = Floor()
    floor.buys(orderLinkId="ika-BTCUSDT-1-e")
    floor.sells(reduceOnly=True)
    with pytest.raises(Refused) as refused:
        floor.buys(orderLinkId="ika-BTCUSDT-1-e")
    assert refused.value.code == 110072


def test_a_limit_order_rests_and_is_filled_as_maker_at_its_own_price() -> None:
    floor = Floor()
    order = floor.buys(orderType="Limit", price="95")
    assert order is not None
    floor.moves("97", "94")
    (fill,) = floor.fills
    assert (fill.price, fill.maker, fill.fee) == (D(95), True, D("0.019"))


def test_a_crossing_limit_order_takes_the_touch_and_not_its_limit() -> None:
    floor = Floor()
    floor.buys(orderType="Limit", price="105")
    (fill,) = floor.fills
    assert (fill.price, fill.maker) == (D("100.1"), False)


@pytest.mark.parametrize(
    ("force", "price", "reason"),
    [
        ("PostOnly", "105", "EC_PostOnlyWillTakeLiquidity"),
        ("IOC", "95", "EC_NoImmediateQtyToFill"),
        ("FOK", "95", "EC_NoImmediateQtyToFill"),
    ],
)
def test_what_may_not_take_or_may_not_rest_is_cancelled_after_acceptance(force: str, price: str, reason: str) -> None:
    floor = Floor()
    assert floor.buys(orderType="Limit", price=price, timeInForce=force) is None
    changes = [change.order for change in floor.books.journal if isinstance(change, OrderChanged)]
    assert (changes[-1].status, changes[-1].reject_reason) == (OrderStatus.CANCELLED, reason)
    assert not floor.fills


def test_a_reduce_only_order_is_filled_to_the_position_and_no_further() -> None:
    floor = Floor()
    floor.buys("1")
    floor.sells("3", reduceOnly=True)
    assert [fill.qty for fill in floor.fills] == [D(1), D(1)]
    assert floor.position.side is None
    last = [change.order for change in floor.books.journal if isinstance(change, OrderChanged)][-1]
    assert (last.status, last.filled, last.cancel_reason.value) == (OrderStatus.CANCELLED, D(1), "CancelByReduceOnly")


def test_a_larger_opposite_order_turns_the_position() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="90")
    floor.sells("3")
    assert (floor.position.side, floor.position.size, floor.position.stop) == (Side.SHORT, D(2), None)
    assert floor.position.entry == floor.fills[-1].price
    assert not floor.books.open_orders()  # the long's stop went with the long


def test_resting_reduce_only_orders_die_with_the_position() -> None:
    floor = Floor()
    floor.buys("1")
    assert floor.sells("1", orderType="Limit", price="120", reduceOnly=True)
    floor.sells("1", reduceOnly=True)
    assert not floor.books.open_orders()


def test_closing_the_whole_position_needs_no_quantity() -> None:
    floor = Floor()
    floor.buys("1.234")
    floor.sells("0", reduceOnly=True, closeOnTrigger=True)
    assert floor.position.size == 0


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({"symbol": "NOPEUSDT"}, 10001, "Not supported symbols"),
        ({"qty": "0.0001"}, 10001, "Qty invalid"),
        ({"qty": "0"}, 10001, "minimum limit"),
        ({"qty": "101"}, 10001, "maximum limit"),
        ({"qty": "NaN"}, 10001, "qty invalid"),
        ({"qty": "-1"}, 10001, "qty invalid"),
        ({"qty": "1e999"}, 10001, "qty invalid"),
        ({"qty": ["1"]}, 10001, "qty invalid"),
        ({"qty": True}, 10001, "qty invalid"),
        ({"side": "Long"}, 10001, "side invalid"),
        ({"category": "spot"}, 10001, "category"),
        ({"positionIdx": 1}, 10001, "position idx"),
        ({"orderLinkId": "a" * 37}, 10001, "OrderLinkId"),
        ({"orderType": "Limit"}, 10001, "price required"),
        ({"orderType": "Limit", "price": "99.95"}, 10001, "Price invalid"),
        ({"orderType": "Limit", "price": "120"}, 110003, "allowable range"),
        ({"qty": "0.01"}, 110094, "minimum order value"),
        ({"reduceOnly": True}, 110017, "current position is zero"),
        ({"stopLoss": "101"}, 10001, "should lower than base_price"),
        ({"takeProfit": "99"}, 10001, "should higher than base_price"),
        ({"qty": "100"}, 110007, "not enough"),
        ({"triggerPrice": "90", "triggerDirection": 1}, 110092, "Rising"),
        ({"triggerPrice": "110", "triggerDirection": 2}, 110093, "Falling"),
        ({"triggerPrice": "110"}, 10001, "triggerDirection"),
    ],
)
def test_what_the_venue_refuses_it_refuses_in_its_words_and_nothing_changes(
    fields: dict[str, str], code: int, text: str
) -> None:
    floor = Floor()
    with pytest.raises(Refused, match=text) as refused:
        floor.orders("Buy", "1", **fields) if "side" not in fields and "qty" not in fields else floor.asks(
            "order/create", **{"side": "Buy", "orderType": "Market", "qty": "1", **fields}
        )
    assert refused.value.code == code
    assert floor.books.journal == []


def test_reducing_on_the_position_s_own_side_is_refused() -> None:
    floor = Floor()
    floor.buys("1")
    with pytest.raises(Refused, match="Reduce-only rule not satisfied"):
        floor.buys("1", reduceOnly=True)


def test_five_hundred_orders_may_rest_and_no_more() -> None:
    floor = Floor(balance="1000000")
    for _ in range(500):
        floor.buys("0.1", orderType="Limit", price="95")
    with pytest.raises(Refused) as refused:
        floor.buys("0.1", orderType="Limit", price="95")
    assert refused.value.code == 110020


def test_margin_of_resting_orders_is_not_there_twice() -> None:
    floor = Floor(balance="20")
    floor.buys("1.5", orderType="Limit", price="99")
    with pytest.raises(Refused) as refused:
        floor.buys("1")
    assert refused.value.code == 110007
