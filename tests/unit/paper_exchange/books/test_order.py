from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest

from libs.common.errors import Fatal
from libs.common.exchange.trading_types import Action, OrderStatus
from libs.common.units import Instant, Price, Qty, Usd
from services.paper_exchange.core.books.order import (
    TRANSITIONS,
    CancelReason,
    InForce,
    Kind,
    Order,
    OrderEvent,
    cancelled,
    filled,
    moved,
)
from tests.support.scripted_market import BTC

ORDER = Order(
    1,
    "o",
    "",
    BTC,
    Action.BUY,
    Kind.LIMIT,
    Qty(Decimal(3)),
    Price(Decimal(100)),
    InForce.GTC,
    Instant(1),
    Instant(1),
    Price(Decimal(100)),
)


def fill(order: Order, qty: int) -> Order:
    return filled(order, Qty(Decimal(qty)), Price(Decimal(100)), Usd(Decimal(1)), Instant(2))


def test_fills_add_up_to_the_order() -> None:
    part = fill(ORDER, 1)
    assert (part.status, part.leaves) == (OrderStatus.PARTIALLY_FILLED, Decimal(2))
    whole = fill(part, 2)
    assert (whole.status, whole.leaves) == (OrderStatus.FILLED, Decimal(0))
    assert (whole.filled_value, whole.fee) == (Decimal(300), Decimal(2))


@pytest.mark.parametrize("qty", [0, 4])
def test_more_than_is_left_or_nothing_is_no_fill(qty: int) -> None:
    with pytest.raises(Fatal):
        fill(ORDER, qty)


def test_a_cancelled_order_keeps_its_fills_and_leaves_nothing() -> None:
    gone = cancelled(fill(ORDER, 1), CancelReason.USER, Instant(3))
    assert (gone.status, gone.filled, gone.leaves, gone.updated_at) == (
        OrderStatus.CANCELLED,
        Decimal(1),
        Decimal(0),
        Instant(3),
    )


@pytest.mark.parametrize(("status", "event"), list(product(OrderStatus, OrderEvent)))
def test_what_the_table_does_not_have_cannot_happen(status: OrderStatus, event: OrderEvent) -> None:
    order = replace(ORDER, status=status)
    if (status, event) in TRANSITIONS:
        assert moved(order, event, Instant(9)).status is TRANSITIONS[status, event]
        assert not status.is_terminal
    else:
        with pytest.raises(Fatal):
            moved(order, event, Instant(9))
