"""The life of one order of ours, as a table: what is absent from it cannot happen, and stops the process.

1. Nothing but the venue's own word ends an order that may have left: silence is UNKNOWN, never a refusal.
2. A fill is never lost by an answer that comes late.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from libs.common.errors import Fatal


class OrderState(StrEnum):
    PLANNED = "PLANNED"
    SUBMITTING = "SUBMITTING"
    ACCEPTED = "ACCEPTED"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    MANUAL_REVIEW = "MANUAL_REVIEW"

    @property
    def is_terminal(self) -> bool:
        """Nothing more will happen at the venue."""
        return self in {OrderState.FILLED, OrderState.CANCELLED, OrderState.REFUSED}

    @property
    def may_be_live(self) -> bool:
        """The venue may hold it, or come to hold it: its slot and margin are taken."""
        return not self.is_terminal


class OrderEvent(StrEnum):
    SENT = "sent"
    ACCEPTED = "accepted"
    PART_FILLED = "part filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    DEFERRED = "deferred"  # refused for now: nothing happened, same id later
    UNHEARD = "unheard"  # we asked and never heard
    NOT_FOUND = "not found"  # every source said so, twice, after the last moment it could arrive
    EXPIRED = "expired"  # not sent and no longer wanted
    CONTRADICTED = "contradicted"  # the venue's order is not the one we asked for
    REVIEWED = "reviewed"  # a person looked at it


class IllegalTransition(Fatal): ...


_S = OrderState
_E = OrderEvent
TRANSITIONS: Final[Mapping[tuple[OrderState, OrderEvent], OrderState]] = {
    (_S.PLANNED, _E.SENT): _S.SUBMITTING,
    (_S.PLANNED, _E.EXPIRED): _S.CANCELLED,
    # Another executor with the same id was faster, or an earlier send arrived after all.
    (_S.PLANNED, _E.ACCEPTED): _S.ACCEPTED,
    (_S.PLANNED, _E.PART_FILLED): _S.PARTIAL,
    (_S.PLANNED, _E.FILLED): _S.FILLED,
    (_S.PLANNED, _E.CANCELLED): _S.CANCELLED,
    (_S.PLANNED, _E.UNHEARD): _S.UNKNOWN,  # the answer of a send that another hand has put back meanwhile
    (_S.PLANNED, _E.DEFERRED): _S.PLANNED,
    (_S.PLANNED, _E.REFUSED): _S.REFUSED,  # the venue's own record of an earlier send
    (_S.PLANNED, _E.CONTRADICTED): _S.MANUAL_REVIEW,  # somebody else used its name while it waited
    (_S.SUBMITTING, _E.ACCEPTED): _S.ACCEPTED,
    (_S.SUBMITTING, _E.PART_FILLED): _S.PARTIAL,  # the fill may outrun the acknowledgement
    (_S.SUBMITTING, _E.FILLED): _S.FILLED,  # the fill may outrun the acknowledgement
    (_S.SUBMITTING, _E.CANCELLED): _S.CANCELLED,
    (_S.SUBMITTING, _E.REFUSED): _S.REFUSED,
    (_S.SUBMITTING, _E.DEFERRED): _S.PLANNED,
    (_S.SUBMITTING, _E.UNHEARD): _S.UNKNOWN,
    (_S.SUBMITTING, _E.NOT_FOUND): _S.PLANNED,  # we died between writing the intent and sending it
    (_S.SUBMITTING, _E.EXPIRED): _S.CANCELLED,  # the lock ran out before the request left
    (_S.SUBMITTING, _E.CONTRADICTED): _S.MANUAL_REVIEW,
    (_S.ACCEPTED, _E.ACCEPTED): _S.ACCEPTED,  # frames repeat
    (_S.ACCEPTED, _E.PART_FILLED): _S.PARTIAL,
    (_S.ACCEPTED, _E.FILLED): _S.FILLED,
    (_S.ACCEPTED, _E.CANCELLED): _S.CANCELLED,
    (_S.ACCEPTED, _E.REFUSED): _S.REFUSED,  # an acknowledgement is not an acceptance: creates are asynchronous
    (_S.ACCEPTED, _E.UNHEARD): _S.ACCEPTED,  # the stream told us what the reply did not
    (_S.ACCEPTED, _E.DEFERRED): _S.ACCEPTED,  # another hand sent it: ours was the late one
    (_S.ACCEPTED, _E.CONTRADICTED): _S.MANUAL_REVIEW,
    (_S.PARTIAL, _E.ACCEPTED): _S.PARTIAL,  # the acknowledgement came second
    (_S.PARTIAL, _E.PART_FILLED): _S.PARTIAL,
    (_S.PARTIAL, _E.FILLED): _S.FILLED,
    (_S.PARTIAL, _E.CANCELLED): _S.CANCELLED,  # the unfillable rest of a market order
    (_S.PARTIAL, _E.REFUSED): _S.CANCELLED,  # what is filled is filled, the rest is not wanted
    (_S.PARTIAL, _E.UNHEARD): _S.PARTIAL,
    (_S.PARTIAL, _E.DEFERRED): _S.PARTIAL,
    (_S.PARTIAL, _E.CONTRADICTED): _S.MANUAL_REVIEW,
    (_S.FILLED, _E.ACCEPTED): _S.FILLED,  # the acknowledgement came second
    (_S.FILLED, _E.PART_FILLED): _S.FILLED,  # frames may be reordered
    (_S.FILLED, _E.FILLED): _S.FILLED,
    (_S.FILLED, _E.CANCELLED): _S.FILLED,  # the fill crossed the cancel on the wire
    (_S.FILLED, _E.REFUSED): _S.FILLED,  # a refusal of another send of it
    (_S.FILLED, _E.UNHEARD): _S.FILLED,
    (_S.FILLED, _E.DEFERRED): _S.FILLED,  # another hand sent it: ours was the late one
    (_S.FILLED, _E.CONTRADICTED): _S.MANUAL_REVIEW,  # the fill came first, the order it belongs to second
    (_S.CANCELLED, _E.ACCEPTED): _S.CANCELLED,  # the acknowledgement came second
    (_S.CANCELLED, _E.PART_FILLED): _S.CANCELLED,  # a fill from before the cancel
    (_S.CANCELLED, _E.FILLED): _S.FILLED,  # a fill may cross a cancel
    (_S.CANCELLED, _E.CANCELLED): _S.CANCELLED,
    (_S.CANCELLED, _E.UNHEARD): _S.CANCELLED,
    (_S.CANCELLED, _E.DEFERRED): _S.CANCELLED,
    (_S.CANCELLED, _E.REFUSED): _S.CANCELLED,
    (_S.CANCELLED, _E.CONTRADICTED): _S.MANUAL_REVIEW,
    (_S.REFUSED, _E.REFUSED): _S.REFUSED,
    (_S.REFUSED, _E.ACCEPTED): _S.REFUSED,  # creates are asynchronous: the Rejected frame outran the acknowledgement
    (_S.REFUSED, _E.PART_FILLED): _S.PARTIAL,  # a fill is a fact, whatever was said before
    (_S.REFUSED, _E.FILLED): _S.FILLED,  # a fill is a fact, whatever was said before
    (_S.REFUSED, _E.CANCELLED): _S.REFUSED,
    (_S.REFUSED, _E.UNHEARD): _S.REFUSED,  # the stream told us what the reply did not
    (_S.REFUSED, _E.DEFERRED): _S.REFUSED,
    (_S.REFUSED, _E.CONTRADICTED): _S.MANUAL_REVIEW,
    (_S.UNKNOWN, _E.ACCEPTED): _S.ACCEPTED,
    (_S.UNKNOWN, _E.PART_FILLED): _S.PARTIAL,
    (_S.UNKNOWN, _E.FILLED): _S.FILLED,
    (_S.UNKNOWN, _E.CANCELLED): _S.CANCELLED,
    (_S.UNKNOWN, _E.REFUSED): _S.REFUSED,  # the venue's own record says Rejected
    (_S.UNKNOWN, _E.UNHEARD): _S.UNKNOWN,
    (_S.UNKNOWN, _E.DEFERRED): _S.UNKNOWN,  # this send did nothing, but an earlier one is still unheard
    (_S.UNKNOWN, _E.NOT_FOUND): _S.PLANNED,
    (_S.UNKNOWN, _E.CONTRADICTED): _S.MANUAL_REVIEW,
    # Fills are booked whatever a person still has to decide.
    (_S.MANUAL_REVIEW, _E.ACCEPTED): _S.MANUAL_REVIEW,
    (_S.MANUAL_REVIEW, _E.PART_FILLED): _S.MANUAL_REVIEW,
    (_S.MANUAL_REVIEW, _E.FILLED): _S.MANUAL_REVIEW,
    (_S.MANUAL_REVIEW, _E.CANCELLED): _S.MANUAL_REVIEW,
    (_S.MANUAL_REVIEW, _E.REFUSED): _S.MANUAL_REVIEW,
    (_S.MANUAL_REVIEW, _E.UNHEARD): _S.MANUAL_REVIEW,
    (_S.MANUAL_REVIEW, _E.DEFERRED): _S.MANUAL_REVIEW,
    (_S.MANUAL_REVIEW, _E.CONTRADICTED): _S.MANUAL_REVIEW,
    (_S.MANUAL_REVIEW, _E.REVIEWED): _S.CANCELLED,
}


def advance(state: OrderState, event: OrderEvent) -> OrderState:
    """Return the state after `event`; raises IllegalTransition (Fatal) for what the table does not have."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"an order that is {state} cannot be {event}") from None
