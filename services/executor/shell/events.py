"""What the executor tells others about orders and positions, built from what the ledger has."""

from libs.common.contracts.message import message_id
from libs.common.contracts.orders import (
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderMessage,
    OrderRefused,
    OrderReviewed,
    OrderSubmitted,
    OrderUnknown,
)
from libs.common.contracts.positions import PositionChanged, PositionClosed, PositionOpened
from libs.common.units import Instant
from services.executor.core.intent import Intent
from services.executor.core.kept import Kept
from services.executor.core.order import OrderState

_TOLD: dict[OrderState, type[OrderMessage]] = {
    OrderState.SUBMITTING: OrderSubmitted,
    OrderState.ACCEPTED: OrderAccepted,
    OrderState.FILLED: OrderFilled,
    OrderState.CANCELLED: OrderCancelled,
    OrderState.REFUSED: OrderRefused,
    OrderState.UNKNOWN: OrderUnknown,
    OrderState.MANUAL_REVIEW: OrderReviewed,
}


def order_event(intent: Intent, at: Instant) -> OrderMessage | None:
    """The event of an intent's present state; None for states that nobody needs to hear of."""
    schema = _TOLD.get(intent.state)
    if schema is None:
        return None
    return schema(
        id=message_id(schema, intent.link_id),
        cause=intent.cause,
        trace=intent.trace,
        at=at,
        link_id=intent.link_id,
        symbol=intent.symbol,
        side=intent.side,
        purpose=intent.purpose,
        qty=intent.qty,
        filled=intent.filled,
        average=intent.average,
        reason=intent.reason,
    )


def opened(kept: Kept, at: Instant) -> PositionOpened:
    position = kept.position
    return PositionOpened(
        id=message_id(PositionOpened, position.position_id),
        cause=position.position_id,
        trace=kept.trace,
        at=at,
        position=position,
    )


def changed(kept: Kept, at: Instant, reason: str) -> PositionChanged:
    position = kept.position
    return PositionChanged(
        id=message_id(PositionChanged, position.position_id, str(position.version)),
        cause=position.position_id,
        trace=kept.trace,
        at=at,
        position=position,
        reason=reason,
    )


def closed(kept: Kept, at: Instant) -> PositionClosed:
    position = kept.position
    return PositionClosed(
        id=message_id(PositionClosed, position.position_id, str(position.version)),
        cause=position.position_id,
        trace=kept.trace,
        at=at,
        position_id=position.position_id,
        symbol=position.symbol,
        side=position.side,
        version=position.version,
    )
