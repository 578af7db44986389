from dataclasses import replace
from decimal import Decimal as D

import pytest

from services.paper_exchange.core.judging.audit_rows import AuditFill, AuditFunding
from services.paper_exchange.core.judging.round_trips import walk

BTC, ETH = "BTCUSDT", "ETHUSDT"
OURS = "ika-BTCUSDT-1-e"


def fill(
    time: int, side: str, qty: str, *, symbol: str = BTC, gross: str = "0", fee: str = "0.1", link: str = OURS
) -> AuditFill:
    return AuditFill(
        exec_id=f"e{time}", order_id=f"o{time}", order_link_id=link, symbol=symbol, side=side, qty=D(qty),
        price=D(100), fee=D(fee), gross_pnl=D(gross), time=time, wall=time,
    )  # fmt: skip


def funded(time: int, amount: str = "0.01", symbol: str = BTC) -> AuditFunding:
    return AuditFunding(symbol=symbol, amount=D(amount), time=time)


def test_a_trip_is_from_flat_to_flat() -> None:
    fills = [
        fill(1, "Buy", "1"),
        fill(2, "Buy", "1"),
        fill(3, "Sell", "0.5", gross="1"),
        fill(4, "Sell", "1.5", gross="-3"),
    ]
    seen = walk(fills, [])
    (trip,) = seen.trips
    assert (trip.opened_at, trip.closed_at, trip.size) == (1, 4, D(0))
    assert (trip.gross, trip.fees, trip.net) == (D(-2), D("0.4"), D("-2.4"))
    assert trip.opening_orders == ["o1", "o2"]
    assert [opening.order_id for opening in seen.openings] == ["o1", "o2"]
    assert seen.sizes == {}


def test_a_short_is_followed_as_a_long_is() -> None:
    (trip,) = walk([fill(1, "Sell", "2"), fill(2, "Buy", "2", gross="5")], []).trips
    assert (trip.closed_at, trip.net) == (2, D("4.8"))


def test_a_fill_that_turns_a_position_ends_one_trip_and_begins_another_and_shares_its_fee() -> None:
    seen = walk([fill(1, "Buy", "1"), fill(2, "Sell", "4", gross="7", fee="0.4")], [])
    first, second = seen.trips
    assert (first.closed_at, first.gross, first.fees) == (2, D(7), D("0.2"))
    assert (second.opened_at, second.size, second.gross, second.fees) == (2, D(-3), D(0), D("0.3"))
    assert seen.sizes == {(BTC, 0): D(-3)}
    assert seen.most_open == 1


@pytest.mark.parametrize(
    ("time", "first", "second"),
    [(1, "0", "0"), (2, "0.01", "0"), (3, "0.01", "0"), (4, "0", "0"), (5, "0", "0"), (6, "0", "0.01")],
    ids=["as it opens", "while open", "as it closes", "while flat", "as the next opens", "later"],
)
def test_funding_belongs_to_the_trip_that_held_it(time: int, first: str, second: str) -> None:
    fills = [fill(1, "Buy", "1"), fill(3, "Sell", "1"), fill(5, "Buy", "1")]
    trips = walk(fills, [funded(time)]).trips
    assert [trip.funding for trip in trips] == [D(first), D(second)]


def test_symbols_do_not_meet() -> None:
    fills = [fill(1, "Buy", "1"), fill(2, "Sell", "1", symbol=ETH), fill(3, "Sell", "1")]
    seen = walk(fills, [funded(2, symbol=ETH), funded(3, symbol=ETH)])
    assert [(trip.symbol, trip.closed_at, trip.funding) for trip in seen.trips] == [
        (BTC, 3, D(0)), (ETH, None, D("0.01")),
    ]  # fmt: skip
    assert (seen.most_open, seen.sizes) == (2, {(ETH, 0): D(-1)})


@pytest.mark.parametrize(("first", "ours"), [(OURS, True), ("", False)])
def test_a_trip_is_whose_first_fill_it_was(first: str, ours: bool) -> None:
    (trip,) = walk([fill(1, "Buy", "1", link=first), fill(2, "Buy", "1", link="" if ours else OURS)], []).trips
    assert trip.is_ours is ours


def test_what_was_taken_is_what_the_prices_made() -> None:
    fills = [fill(1, "Buy", "2"), fill(2, "Sell", "3", gross="7"), fill(3, "Buy", "1")]
    first, second = walk(fills, []).trips
    assert (first.taken, first.gross) == (D(0), D(7))
    assert second.taken == D(0)


def test_the_sides_of_a_hedge_are_followed_apart() -> None:
    long = replace(fill(1, "Buy", "1"), position_idx=1)
    short = replace(fill(2, "Sell", "1"), position_idx=2)
    seen = walk([long, short], [replace(funded(3), position_idx=2)])
    assert [(trip.key, trip.funding) for trip in seen.trips] == [((BTC, 1), D(0)), ((BTC, 2), D("0.01"))]
    assert seen.most_open == 2


def test_nothing_traded_is_nothing_seen() -> None:
    seen = walk([], [funded(1)])
    assert (seen.trips, seen.most_open, seen.openings, seen.sizes) == ([], 0, [], {})
