"""The life of an order, for the dashboard and for metrics: nobody decides on these."""

from typing import ClassVar

from libs.common.contracts.bounds import PositivePrice, Quantity, VenueSymbol
from libs.common.contracts.message import Message
from libs.common.units import Side


class OrderMessage(Message):
    link_id: str  # orderLinkId
    symbol: VenueSymbol
    side: Side  # of the position it opens or closes
    purpose: str
    qty: Quantity
    filled: Quantity
    average: PositivePrice | None
    reason: str


class OrderSubmitted(OrderMessage):
    schema_name: ClassVar[str] = "order.submitted.v1"


class OrderAccepted(OrderMessage):
    schema_name: ClassVar[str] = "order.accepted.v1"


class OrderFilled(OrderMessage):
    schema_name: ClassVar[str] = "order.filled.v1"


class OrderCancelled(OrderMessage):
    """Ended by the venue or by us; may carry fills."""

    schema_name: ClassVar[str] = "order.cancelled.v1"


class OrderRefused(OrderMessage):
    schema_name: ClassVar[str] = "order.refused.v1"


class OrderUnknown(OrderMessage):
    """Asked, and never heard: the symbol is quarantined until the venue says what happened."""

    schema_name: ClassVar[str] = "order.unknown.v1"


class OrderReviewed(OrderMessage):
    """Contradicts what we know: kept for a person to look at."""

    schema_name: ClassVar[str] = "order.reviewed.v1"
