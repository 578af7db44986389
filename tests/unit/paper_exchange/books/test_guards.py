from dataclasses import replace
from decimal import Decimal as D

import pytest

from libs.common.errors import Refused
from libs.common.exchange.trading_types import OrderStatus
from libs.common.units import Price
from services.paper_exchange.core.books.changes import NakedChanged, OrderChanged, PositionTold
from services.paper_exchange.core.books.order import StopKind
from tests.support.scripted_market import prices
from tests.support.trading_floor import BTC_ONLY, Floor


def test_an_entry_with_its_stop_is_never_naked() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    assert floor.position.stop == D(95)
    assert not [change for change in floor.books.journal if isinstance(change, NakedChanged)]
    [told] = [change for change in floor.books.journal if isinstance(change, PositionTold)]
    assert (told.position.size, told.position.stop) == (D(1), D(95))


def test_a_position_without_a_stop_is_naked_until_it_has_one() -> None:
    floor = Floor()
    floor.buys("1")
    floor.moves("100", "100")
    floor.asks("position/trading-stop", stopLoss="95")
    begun, ended = (change.naked for change in floor.books.journal if isinstance(change, NakedChanged))
    assert (begun.until, ended.since) == (None, begun.since)
    assert ended.until is not None
    assert (ended.until - ended.since, ended.until_up - ended.since_up) == (2_000, 2)


def test_a_stop_waits_as_an_order_and_is_moved_in_place() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    before = floor.books.guard(BTC_ONLY, StopKind.STOP_LOSS)
    floor.asks("position/trading-stop", stopLoss="96")
    after = floor.books.guard(BTC_ONLY, StopKind.STOP_LOSS)
    assert before is not None
    assert after is not None
    assert (after.order_id, after.trigger, after.status) == (before.order_id, D(96), OrderStatus.UNTRIGGERED)


def test_the_stop_follows_the_position_s_size() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    floor.buys("1")
    guard = floor.books.guard(BTC_ONLY, StopKind.STOP_LOSS)
    assert guard is not None
    assert (guard.qty, floor.position.stop) == (D(2), D(95))


def test_a_stop_dies_with_the_position() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    floor.sells("1", reduceOnly=True)
    gone = [change.order for change in floor.books.journal if isinstance(change, OrderChanged)][-1]
    assert (gone.stop_kind, gone.status, gone.cancel_reason.value) == (
        StopKind.STOP_LOSS,
        OrderStatus.DEACTIVATED,
        "CancelByTpSlTsClear",
    )
    assert floor.position.stop is None


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({"stopLoss": "95"}, 34040, "not modified"),
        ({}, 34040, "not modified"),
        ({"stopLoss": "100"}, 10001, "should lower"),
        ({"stopLoss": "95.05"}, 10001, "Price invalid"),
        ({"takeProfit": "100"}, 10001, "should higher"),
        ({"stopLoss": "96", "tpslMode": "Partial"}, 10001, "slSize are required"),
        ({"stopLoss": "96", "positionIdx": 2}, 10001, "position idx"),
        ({"trailingStop": "3.05"}, 10001, "Price invalid"),
        ({"trailingStop": "100"}, 10001, "more than the price"),
        ({"trailingStop": "3", "activePrice": "100"}, 10001, "activePrice"),
        ({"stopLoss": "96", "slOrderType": "Limit", "slLimitPrice": "95"}, 10001, "needs tpslMode Partial"),
    ],
)
def test_what_cannot_be_a_stop_is_refused_and_the_old_one_stays(fields: dict[str, str], code: int, text: str) -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    with pytest.raises(Refused, match=text) as refused:
        floor.asks("position/trading-stop", **fields)
    assert (refused.value.code, floor.position.stop) == (code, D(95))


def test_a_flat_position_has_no_stop_to_set() -> None:
    with pytest.raises(Refused, match="zero position") as refused:
        Floor().asks("position/trading-stop", stopLoss="95")
    assert refused.value.code == 10001


@pytest.mark.parametrize("path", ["position/trading-stop", "order/cancel"])
def test_zero_removes_a_stop_and_cancelling_its_order_does_too(path: str) -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95")
    guard = floor.books.guard(BTC_ONLY, StopKind.STOP_LOSS)
    assert guard is not None
    floor.asks(path, stopLoss="0", orderId=guard.order_id)
    assert floor.position.stop is None
    assert floor.books.guard(BTC_ONLY, StopKind.STOP_LOSS) is None
    assert BTC_ONLY in floor.books.naked


def partial(floor: Floor, **fields: str) -> None:
    floor.asks("position/trading-stop", tpslMode="Partial", **fields)


def test_partial_guards_close_their_own_quantity_and_stand_beside_the_full_ones() -> None:
    floor = Floor()
    floor.buys("3", stopLoss="90")
    partial(floor, stopLoss="97", slSize="1", takeProfit="103", tpSize="1")
    partial(floor, takeProfit="105", tpSize="0.5", tpOrderType="Limit", tpLimitPrice="105.5")
    assert [order.stop_kind for order in floor.books.open_orders()] == [
        StopKind.STOP_LOSS, StopKind.PART_STOP_LOSS, StopKind.PART_TAKE_PROFIT, StopKind.PART_TAKE_PROFIT,
    ]  # fmt: skip
    floor.moves("96.5")
    assert (floor.position.size, floor.position.stop) == (D(2), D(90))
    floor.moves("105")
    assert floor.position.size == 1
    (resting,) = [order for order in floor.books.open_orders() if not order.waits]
    assert (resting.price, resting.leaves) == (D("105.5"), D("0.5"))


def test_a_partial_guard_that_came_with_an_order_covers_what_was_filled_of_it() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95", tpslMode="Partial")
    floor.buys("2", stopLoss="94", tpslMode="Partial")
    guards = floor.books.guards(BTC_ONLY)
    assert [(guard.qty, guard.trigger) for guard in guards] == [(D(1), D(95)), (D(2), D(94))]
    assert len({guard.parent for guard in guards}) == 2
    assert BTC_ONLY in floor.books.naked  # a part that is covered is not the whole


def test_at_most_twenty_partial_guards_wait() -> None:
    floor = Floor()
    floor.buys("3")
    for _ in range(10):
        partial(floor, stopLoss="95", slSize="0.1", takeProfit="105", tpSize="0.1")
    with pytest.raises(Refused) as refused:
        partial(floor, stopLoss="95", slSize="0.1")
    assert refused.value.code == 110061


def test_a_trailing_stop_follows_the_best_price_and_never_gives_ground_back() -> None:
    floor = Floor()
    floor.buys("1")
    floor.asks("position/trading-stop", trailingStop="3")
    assert floor.position.live_stop == D(97)
    floor.moves("104", "102")
    guard = floor.books.guard(BTC_ONLY, StopKind.TRAILING)
    assert guard is not None
    assert guard.trigger == D(101)
    floor.moves("101")
    assert (floor.fills[-1].stop_kind, floor.fills[-1].creator.value) == (StopKind.TRAILING, "CreateByTrailingStop")
    assert floor.position.side is None


def test_a_trailing_stop_sleeps_until_its_activation_and_a_sleeping_one_leaves_the_position_naked() -> None:
    floor = Floor()
    floor.sells("1")
    floor.asks("position/trading-stop", trailingStop="2", activePrice="96")
    floor.moves("97", "99")
    assert floor.position.live_stop is None
    assert BTC_ONLY in floor.books.naked
    floor.moves("95")
    assert floor.position.live_stop == D(97)
    assert BTC_ONLY not in floor.books.naked
    floor.asks("position/trading-stop", trailingStop="0")
    assert floor.books.guards(BTC_ONLY) == []


def test_a_stop_by_the_mark_ignores_the_last_price() -> None:
    floor = Floor()
    floor.buys("1", stopLoss="95", slTriggerBy="MarkPrice")
    (tick,) = prices("94", after=floor.now.market)
    floor.ticks([replace(tick, mark=Price(D("95.1")))])
    assert floor.position.size == 1
    floor.ticks([replace(tick, mark=Price(D(95)))])
    assert floor.position.side is None


def test_moving_or_cancelling_a_partial_guard_leaves_the_position_as_it_is() -> None:
    floor = Floor()
    floor.buys("2", stopLoss="90")
    partial(floor, stopLoss="95", slSize="1")
    guard = floor.books.guards(BTC_ONLY)[-1]
    floor.asks("order/amend", orderId=guard.order_id, triggerPrice="96", qty="0.5")
    moved = floor.books.guards(BTC_ONLY)[-1]
    assert (moved.trigger, moved.qty, floor.position.stop) == (D(96), D("0.5"), D(90))
    floor.asks("order/cancel", orderId=guard.order_id)
    assert [left.stop_kind for left in floor.books.guards(BTC_ONLY)] == [StopKind.STOP_LOSS]


def test_what_could_only_close_a_leg_goes_with_it() -> None:
    floor = Floor()
    floor.asks("position/switch-mode", mode=3)
    floor.buys("1", positionIdx=1)
    floor.sells("1", positionIdx=1, orderType="Limit", price="109")
    floor.sells("1", positionIdx=1, triggerPrice="90", triggerDirection=2, closeOnTrigger=True)
    floor.sells("1", positionIdx=1)
    assert [order.trigger for order in floor.books.open_orders()] == [D(90)]
