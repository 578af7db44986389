"""The moments between two durable writes: where a crash hurts most, by name.

Chaos tests kill the process at each of them; in production reaching one does nothing.
"""

from collections.abc import Callable
from typing import Final

CommitPoint = Callable[[str], None]

SIGNAL_DECLINED: Final = "signal.declined"  # the refusal is durable, the signal is not acknowledged
ENTRY_ADMITTED: Final = "entry.admitted"  # the intent is durable, nothing was sent
ENTRY_ANSWERED: Final = "entry.answered"  # the venue answered, the ledger does not know
ENTRY_RECORDED: Final = "entry.recorded"  # the answer is durable, the signal is not acknowledged
ORDER_AGAIN: Final = "order.again"  # an order that never arrived is durable as sent anew, and was not
ORDER_FOUND: Final = "order.found"  # the venue knows an order that we were not sure of, the ledger does not
EXIT_WANTED: Final = "exit.wanted"  # the wish is durable, nothing was asked for
EXIT_PLANNED: Final = "exit.planned"
EXIT_ANSWERED: Final = "exit.answered"
EXIT_RECORDED: Final = "exit.recorded"
STOP_PLANNED: Final = "stop.planned"  # the send is dated in the ledger, nothing was sent
STOP_SENT: Final = "stop.sent"  # the venue has the new stop, the ledger does not know
STOP_RECORDED: Final = "stop.recorded"  # the new stop is durable, nobody was told
CANCEL_SENT: Final = "cancel.sent"  # the venue was asked to cancel an entry, the command is not acknowledged
SWITCH_TURNED: Final = "switch.turned"  # the kill switch is durable, what it asks for was not begun
FILLS_BOOKED: Final = "fills.booked"  # the ledger has the fills, nobody was told
POSITION_ADOPTED: Final = "position.adopted"  # a position of somebody else is in the ledger, without a stop perhaps
TRADE_CLOSED: Final = "trade.closed"  # the trade is durable, nobody was told
EVENTS_PUBLISHED: Final = "events.published"  # Redis has the events, the outbox is not marked
EVENTS_MARKED: Final = "events.marked"
SESSION_BEGUN: Final = "session.begun"  # the start is durable, the venue was not asked
RECOVERY_PLANNED: Final = "recovery.planned"
RECOVERY_REMEMBERED: Final = "recovery.remembered"  # the orders of a lost ledger are in it again, their fills are not
RECOVERY_CAUGHT_UP: Final = "recovery.caught_up"  # every execution is in the ledger, unfinished orders are not ended
RECOVERY_RESOLVED: Final = "recovery.resolved"  # unfinished orders were asked for, positions not compared
RECOVERY_RECONCILED: Final = "recovery.reconciled"  # the ledger has what the venue has, stops were not looked at
RECOVERY_ACTED: Final = "recovery.acted"  # everything was done, nobody was told

COMMIT_POINTS: Final = (
    SIGNAL_DECLINED,
    ENTRY_ADMITTED,
    ENTRY_ANSWERED,
    ENTRY_RECORDED,
    ORDER_AGAIN,
    ORDER_FOUND,
    EXIT_WANTED,
    EXIT_PLANNED,
    EXIT_ANSWERED,
    EXIT_RECORDED,
    STOP_PLANNED,
    STOP_SENT,
    STOP_RECORDED,
    CANCEL_SENT,
    SWITCH_TURNED,
    FILLS_BOOKED,
    POSITION_ADOPTED,
    TRADE_CLOSED,
    EVENTS_PUBLISHED,
    EVENTS_MARKED,
    SESSION_BEGUN,
    RECOVERY_PLANNED,
    RECOVERY_REMEMBERED,
    RECOVERY_CAUGHT_UP,
    RECOVERY_RESOLVED,
    RECOVERY_RECONCILED,
    RECOVERY_ACTED,
)


def go_on(_name: str) -> None:
    """Nothing happens here."""
