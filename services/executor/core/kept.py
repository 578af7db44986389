"""A position as the ledger keeps it: what is open, and what only we know about it."""

from dataclasses import dataclass
from enum import StrEnum

from libs.common.contracts.positions import OpenPosition
from libs.common.contracts.trades import CloseReason
from libs.common.units import Instant, Usd


class PositionStatus(StrEnum):
    OPEN = "open"
    FLAT = "flat"  # nothing left at the venue; the trade waits until its books are complete
    DONE = "done"  # the trade is closed


@dataclass(frozen=True, slots=True)
class Kept:
    """`closing` is a durable wish: the ledger drives it until the venue is flat, whatever dies meanwhile."""

    position: OpenPosition
    status: PositionStatus = PositionStatus.OPEN
    closing: CloseReason | None = None
    closing_text: str = ""
    equity: Usd | None = None
    naked_ms: int = 0
    trace: str = ""
    closed_at: Instant | None = None
