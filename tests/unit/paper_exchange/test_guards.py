from decimal import Decimal as D

import pytest

from libs.common.errors import Refused
from libs.common.exchange.trading_types import OrderStatus
from services.paper_exchange.core.changes import NakedChanged, OrderChanged, PositionTold
from services.paper_exchange.core.order import StopKind
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
