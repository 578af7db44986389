from decimal import Decimal as D

import pytest

from libs.common.errors import Refused
from libs.common.exchange.trading_types import OrderStatus
from libs.common.units import Fraction, Qty, Side
from services.paper_exchange.core.books.changes import OrderChanged
from tests.support.scripted_market import BTC, instrument
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


def test_a_large_order_walks_the_ladder_and_pays_more_the_further_it_goes() -> None:
    floor = Floor(balance="100000")
    floor.buys("100")  # levels of 50, 150, 250 …
    assert [(fill.qty, fill.price) for fill in floor.fills] == [(D(50), D("100.1")), (D(50), D("100.2"))]
    assert floor.position.entry == D("100.15")


def test_what_was_taken_is_not_there_again_until_the_next_tick() -> None:
    floor = Floor(balance="100000")
    floor.buys("50")
    floor.buys("1")
    floor.sells("1")
    floor.moves("100")
    floor.buys("1")
    assert [fill.price for fill in floor.fills] == [D("100.1"), D("100.2"), D("99.9"), D("100.1")]


def test_fill_or_kill_wants_all_of_it_and_immediate_or_cancel_takes_what_there_is() -> None:
    floor = Floor(balance="100000")
    limit = {"orderType": "Limit", "price": "100.1"}
    assert floor.buys("60", **limit, timeInForce="FOK") is None
    assert not floor.fills
    assert floor.buys("60", **limit, timeInForce="IOC") is None
    assert [fill.qty for fill in floor.fills] == [D(50)]
    last = [change.order for change in floor.books.journal if isinstance(change, OrderChanged)][-1]
    assert (last.status, last.filled) == (OrderStatus.CANCELLED, D(50))


def test_a_limit_order_takes_what_crosses_and_rests_with_what_is_left() -> None:
    floor = Floor(balance="100000")
    left = floor.buys("60", orderType="Limit", price="100.1")
    assert left is not None
    assert (left.status, left.leaves) == (OrderStatus.PARTIALLY_FILLED, D(10))
    floor.moves("100")
    assert (floor.fills[-1].maker, floor.fills[-1].price, floor.position.size) == (True, D("100.1"), D(60))


@pytest.mark.parametrize(
    ("kind", "value", "filled"), [("TickSize", "1", D(200)), ("Percent", "0.1", D(200)), ("Percent", "5", D(300))]
)
def test_a_market_order_slips_no_further_than_it_tolerates(kind: str, value: str, filled: D) -> None:
    floor = Floor(balance="1000000")
    floor.books.instruments = {BTC: instrument(max_market_qty=Qty(D(1000)))}
    floor.buys("300", slippageToleranceType=kind, slippageTolerance=value)
    assert floor.position.size == filled


@pytest.mark.parametrize(("side", "level", "price"), [("Counterparty", 2, "100.2"), ("Queue", 3, "99.7")])
def test_a_price_may_be_taken_from_the_book(side: str, level: int, price: str) -> None:
    floor = Floor()
    made = floor.asks("order/create", side="Buy", orderType="Limit", qty="1", bboSideType=side, bboLevel=level)
    order = next(c.order for c in floor.books.journal if isinstance(c, OrderChanged))
    assert (order.order_id, order.price) == (made["orderId"], D(price))


@pytest.mark.parametrize(
    ("kind", "status"), [("Market", OrderStatus.CANCELLED), ("Limit", OrderStatus.PARTIALLY_FILLED)]
)
def test_a_scarce_market_fills_a_part_and_only_a_limit_order_waits_for_more(kind: str, status: OrderStatus) -> None:
    floor = Floor()
    floor.books.scarcity = lambda _order: Fraction(D("0.25"))
    floor.buys("1", orderType=kind, price="100.1", stopLoss="95")
    last = [c.order for c in floor.books.journal if isinstance(c, OrderChanged) and not c.order.guards][-1]
    assert (last.status, last.filled, floor.position.size, floor.position.stop) == (status, D("0.25"), D("0.25"), D(95))


def test_an_order_that_rests_hands_over_its_stop_only_when_it_fills() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="97")
    floor.buys("1", orderType="Limit", price="95", stopLoss="90")
    assert floor.position.stop == D(97)
