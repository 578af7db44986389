"""The moments between two durable writes: where a crash hurts most, by name.

Chaos tests kill the process at each of them; in production reaching one does nothing.
"""

from collections.abc import Callable
from typing import Final

CommitPoint = Callable[[str], None]

ENTRY_ADMITTED: Final = "entry.admitted"  # the intent is durable, nothing was sent
ENTRY_ANSWERED: Final = "entry.answered"  # the venue answered, the ledger does not know
ENTRY_RECORDED: Final = "entry.recorded"  # the answer is durable, the signal is not acknowledged
EXIT_PLANNED: Final = "exit.planned"
EXIT_ANSWERED: Final = "exit.answered"
STOP_SENT: Final = "stop.sent"  # the venue has the new stop, the ledger does not know
FILLS_BOOKED: Final = "fills.booked"  # the ledger has the fills, nobody was told
TRADE_CLOSED: Final = "trade.closed"  # the trade is durable, nobody was told
EVENTS_PUBLISHED: Final = "events.published"  # Redis has the events, the outbox is not marked
RECOVERY_PLANNED: Final = "recovery.planned"

COMMIT_POINTS: Final = (
    ENTRY_ADMITTED,
    ENTRY_ANSWERED,
    ENTRY_RECORDED,
    EXIT_PLANNED,
    EXIT_ANSWERED,
    STOP_SENT,
    FILLS_BOOKED,
    TRADE_CLOSED,
    EVENTS_PUBLISHED,
    RECOVERY_PLANNED,
)


def go_on(_name: str) -> None:
    """Nothing happens here."""
