import pytest
from pydantic import JsonValue

from services.paper_exchange.core.judging.entry_rules import entered_once, few_enough
from tests.support.audits import (
    EXIT,
    OTHER,
    OURS,
    SECOND,
    Row,
    books,
    fill,
    holds,
    order,
    request,
    unfilled,
)


def breaches(**changes: JsonValue) -> tuple[str, ...]:
    return entered_once(*books(**changes)).violations


def with_second(link: str, *, reduce_only: bool = False) -> Row:
    """The usual trip, which another order grew at second 1.5."""
    grown = fill(3, "Buy", link, time=1_500)
    return {
        "orders": [order(1, OURS), order(3, link, reduceOnly=reduce_only, time=1_500), order(4, EXIT, "2")],
        "fills": [fill(1, "Buy", OURS), grown, fill(4, "Sell", EXIT, "2", gross="-20")],
    }


def test_one_entry_and_its_exit_are_one_signal() -> None:
    rule = entered_once(*books())
    assert holds(rule)
    assert rule.looked_at == "1 positions and 1 entries of ours"


def test_a_second_entry_of_ours_between_flat_and_flat_is_a_signal_entered_twice() -> None:
    (told,) = breaches(**with_second(SECOND))
    assert told == f"BTCUSDT opened at 1000 by 2 orders of ours ({OURS}, {SECOND})"


def test_somebody_elses_second_order_is_no_signal_of_ours() -> None:
    assert breaches(**with_second(OTHER)) == ()


def test_two_fills_of_one_order_are_one_entry() -> None:
    parts: list[JsonValue] = [
        fill(1, "Buy", OURS, "0.5"),
        fill(1, "Buy", OURS, "0.5", execId="e1b"),
        fill(2, "Sell", EXIT, gross="-10"),
    ]
    assert breaches(fills=parts) == ()


def test_the_next_signal_may_enter_when_the_position_is_flat_again() -> None:
    orders: list[JsonValue] = [order(1, OURS), order(2, EXIT, reduceOnly=True), order(3, SECOND)]
    fills: list[JsonValue] = [fill(1, "Buy", OURS), fill(2, "Sell", EXIT, gross="-10"), fill(3, "Buy", SECOND)]
    assert breaches(orders=orders, fills=fills) == ()


@pytest.mark.parametrize(
    ("time", "wall", "twice"),
    [(1_500, 1, True), (500, 0, False), (2_500, 3, False), (1_000, 1, False), (2_000, 2, False), (1_000, 2, True)],
    ids=["while open", "before", "after", "as it opened", "as it closed", "while the market stood"],
)
def test_an_entry_accepted_while_the_position_was_open_counts_though_it_was_never_filled(
    time: int, wall: int, twice: bool
) -> None:
    late = unfilled(3, SECOND, until=wall)
    told = breaches(
        orders=[order(1, OURS), order(2, EXIT, reduceOnly=True), {**late, "time": time}],
        requests=[request(1, OURS), request(2, EXIT), request(wall, SECOND)],
    )
    assert bool(told) is twice
    assert all("BTCUSDT was open since 1000" in each for each in told)


@pytest.mark.parametrize(
    ("first", "twice"),
    [
        (unfilled(1, OURS, status="New"), True),
        (unfilled(1, OURS, until=5), True),
        (unfilled(1, OURS, until=3), False),
        (unfilled(1, OURS, until=2), False),
    ],
    ids=["it still waits", "it was cancelled later", "it was cancelled at that moment", "it was cancelled before"],
)
def test_an_entry_accepted_while_another_could_still_be_filled_counts(first: Row, twice: bool) -> None:
    told = breaches(
        orders=[first, unfilled(3, SECOND)], requests=[request(1, OURS), request(3, SECOND)], fills=[], positions=[]
    )
    assert bool(told) is twice
    assert all(each == f"BTCUSDT: {SECOND} was accepted while {OURS} could still be filled" for each in told)


def test_a_waiting_entry_is_remembered_past_a_shorter_one() -> None:
    waits, short, third = unfilled(1, OURS, until=9), unfilled(10, SECOND), unfilled(3, "ika-BTCUSDT-3-e")
    told = breaches(orders=[waits, third, short], requests=[request(1, OURS), request(3, "ika-BTCUSDT-3-e")], fills=[])
    assert len(told) == 1


def test_both_sides_of_a_hedge_may_be_entered_at_once() -> None:
    orders: list[JsonValue] = [order(1, OURS, positionIdx=1), order(2, SECOND, positionIdx=2)]
    fills: list[JsonValue] = [fill(1, "Buy", OURS, positionIdx=1), fill(2, "Sell", SECOND, positionIdx=2)]
    assert breaches(orders=orders, fills=fills) == ()
    same: list[JsonValue] = [{**fills[0]}, fill(2, "Buy", SECOND, positionIdx=1)]  # type: ignore[dict-item]
    (told,) = breaches(orders=orders, fills=same)
    assert told.startswith("BTCUSDT/1 opened")


@pytest.mark.parametrize(("most", "kept"), [(0, False), (1, True)])
def test_positions_are_counted_from_the_fills(most: int, kept: bool) -> None:
    told = books(open={"positions": 0, "most_positions": 0})
    assert holds(few_enough(*told, most)) is kept


def test_positions_are_counted_by_the_exchange_too() -> None:
    assert few_enough(*books(open={"positions": 0, "most_positions": 7}), 6).violations == ("7 were open at once",)
