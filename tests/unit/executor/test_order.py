from itertools import product

import pytest

from services.executor.core.order import TRANSITIONS, IllegalTransition, OrderEvent, OrderState, advance

S, E = OrderState, OrderEvent

ONLY_FROM = {  # what we do ourselves; everything else is said by the venue, and may come at any time
    E.SENT: {S.PLANNED},
    E.EXPIRED: {S.PLANNED, S.SUBMITTING},
    E.NOT_FOUND: {S.SUBMITTING, S.UNKNOWN},
    E.REVIEWED: {S.MANUAL_REVIEW},
}


def test_what_we_do_ourselves_is_legal_only_where_it_is_written_here() -> None:
    legal = {(state, event) for event, states in ONLY_FROM.items() for state in states}
    legal |= set(product(S, set(E) - set(ONLY_FROM)))
    for state, event in product(S, E):
        if (state, event) in legal:
            advance(state, event)
        else:
            with pytest.raises(IllegalTransition):
                advance(state, event)


@pytest.mark.parametrize(("state", "event"), sorted(set(product(S, E)) - set(TRANSITIONS)))
def test_what_the_table_does_not_have_cannot_happen(state: OrderState, event: OrderEvent) -> None:
    with pytest.raises(IllegalTransition, match=f"{state} cannot be {event}"):
        advance(state, event)


@pytest.mark.parametrize(
    ("state", "event"),
    sorted(product(S, {E.ACCEPTED, E.PART_FILLED, E.FILLED, E.CANCELLED, E.REFUSED, E.UNHEARD, E.DEFERRED}))
    + sorted((state, E.CONTRADICTED) for state in S),
)
def test_nothing_that_the_venue_says_stops_the_process(state: OrderState, event: OrderEvent) -> None:
    """Frames, replies and lookups cross each other, and two hands may have sent: every order of them is possible."""
    assert advance(state, event) in S


@pytest.mark.parametrize("state", [S.SUBMITTING, S.ACCEPTED, S.PARTIAL, S.UNKNOWN, S.CANCELLED, S.PLANNED])
def test_a_fill_counts_whatever_else_was_heard_before(state: OrderState) -> None:
    assert advance(state, E.FILLED) is S.FILLED


@pytest.mark.parametrize("event", [E.ACCEPTED, E.PART_FILLED, E.CANCELLED, E.UNHEARD, E.DEFERRED])
def test_nothing_takes_a_fill_back(event: OrderEvent) -> None:
    assert advance(S.FILLED, event) is S.FILLED


def test_silence_is_neither_a_refusal_nor_an_end() -> None:
    """hummingbot#6901, nautilus#4152: a time-out must not end an order that may be live."""
    assert advance(S.SUBMITTING, E.UNHEARD) is S.UNKNOWN
    assert S.UNKNOWN.may_be_live
    assert not S.UNKNOWN.is_terminal


def test_only_an_explicit_not_found_lets_an_unknown_order_be_sent_again() -> None:
    """hummingbot#8457: a network error is no "not found"."""
    back = {event for (state, event), after in TRANSITIONS.items() if state is S.UNKNOWN and after is S.PLANNED}
    assert back == {E.NOT_FOUND}


def test_a_pending_retry_is_called_off_by_any_proof_of_acceptance() -> None:
    """nautilus#4215: the retry fired although the order was on the stream already."""
    for proof in (E.ACCEPTED, E.PART_FILLED, E.FILLED):
        assert advance(S.PLANNED, proof) is not S.PLANNED
        with pytest.raises(IllegalTransition):
            advance(advance(S.PLANNED, proof), E.SENT)


def test_a_person_ends_a_review_and_nothing_else_does() -> None:
    out = {event for (state, event), after in TRANSITIONS.items() if state is S.MANUAL_REVIEW and after is not state}
    assert out == {E.REVIEWED}
