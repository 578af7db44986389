from dataclasses import replace
from decimal import Decimal

import pytest

from libs.common.exchange.trading_types import Action, OrderStatus, VenueOrder
from libs.common.ids import OrderLinkId, OrderName
from libs.common.units import MINUTE_MS, ZERO, Instant, Qty, Side, Symbol, Usd
from services.executor.core.intent import Intent, adopted_id, judged, slot_of
from services.executor.core.order import OrderEvent, OrderState

BTC = Symbol("BTCUSDT")
LINK = OrderName(BTC, Instant(15 * MINUTE_MS), "e").link_id()
INTENT = Intent(
    link_id=OrderLinkId(LINK),
    position_id=LINK,
    symbol=BTC,
    side=Side.LONG,
    purpose="e",
    qty=Qty(Decimal(2)),
    stop=None,
    margin=Usd(ZERO),
    state=OrderState.SUBMITTING,
    cause="",
    trace="",
    at=Instant(0),
    valid_until=Instant(0),
    sent_at=Instant(0),
    touched_at=Instant(0),
)
ORDER = VenueOrder(
    symbol=BTC,
    order_id="1",
    link_id=LINK,
    action=Action.BUY,
    status=OrderStatus.NEW,
    order_type="Market",
    stop_order_type="",
    create_type="CreateByUser",
    qty=Qty(Decimal(2)),
    filled=Qty(ZERO),
    average=None,
    trigger=None,
    reduce_only=False,
    reject_reason="",
    created_at=Instant(0),
    updated_at=Instant(0),
)


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (OrderStatus.NEW, OrderEvent.ACCEPTED),
        (OrderStatus.PARTIALLY_FILLED, OrderEvent.PART_FILLED),
        (OrderStatus.FILLED, OrderEvent.FILLED),
        (OrderStatus.CANCELLED, OrderEvent.CANCELLED),
        (OrderStatus.DEACTIVATED, OrderEvent.CANCELLED),
        (OrderStatus.REJECTED, OrderEvent.REFUSED),
    ],
)
def test_the_venues_status_is_an_event_of_ours(status: OrderStatus, event: OrderEvent) -> None:
    assert judged(INTENT, replace(ORDER, status=status)) is event


@pytest.mark.parametrize(
    "other",
    [
        replace(ORDER, qty=Qty(Decimal(3))),
        replace(ORDER, symbol=Symbol("ETHUSDT")),
        replace(ORDER, reduce_only=True),
        replace(ORDER, action=Action.SELL),
    ],
)
def test_an_order_under_our_name_that_is_not_what_we_asked_for_is_a_contradiction(other: VenueOrder) -> None:
    assert judged(INTENT, other) is OrderEvent.CONTRADICTED


def test_exits_are_named_after_the_slot_of_their_position() -> None:
    assert slot_of(LINK) == 15 * MINUTE_MS
    assert slot_of(adopted_id(BTC, Instant(90_500))) == MINUTE_MS
