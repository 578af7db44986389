from decimal import Decimal

from libs.common.exchange.trading_types import ExecutionType
from libs.common.units import Side
from services.executor.core.position import FILLS, Booked, fold
from tests.support.executions import BUY, ENTRY_ID, SELL, closes, execution, funds, opens

D = Decimal


def test_fills_of_one_order_become_one_position_at_their_average() -> None:
    folded = fold([opens(1, "1", "100"), opens(2, "3", "104")])
    trip = folded.open
    assert trip is not None
    assert (trip.position_id, trip.side, trip.qty, trip.entry) == (ENTRY_ID, Side.LONG, D(4), D(103))
    assert trip.fees == D("0.2")


def test_a_round_trip_is_gross_of_value_out_less_value_in() -> None:
    [trip] = fold([opens(1, "1", "100"), opens(2, "2", "103"), closes(3, "1", "110"), closes(4, "2", "90")]).trips
    assert trip.gross == D(110 + 180) - D(100 + 206)
    assert trip.closed_at == 4_000
    assert fold([]).open is None


def test_what_closes_before_anything_opened_is_missing_its_opening() -> None:
    """LEAN.IB#249: a dropped frame must be noticed, not booked as a position the other way round."""
    folded = fold([closes(2, "1", "110")])
    assert folded.missing
    assert not folded.trips


def test_the_order_of_arrival_does_not_matter() -> None:
    rows = [opens(1, "1", "100"), funds(2, "0.5"), closes(3, "1", "110")]
    assert fold(rows) == fold(rows[::-1])


def test_funding_is_no_fill_and_belongs_to_the_trip_that_was_open() -> None:
    """ccxt#17244, nautilus#4937: funding rows among the trades must not inflate the position."""
    folded = fold([funds(1, "9"), opens(2, "1", "100"), funds(3, "0.5"), closes(4, "1", "110"), funds(5, "7")])
    [trip] = folded.trips
    assert (trip.opened, trip.funding) == (D(1), D("0.5"))
    assert folded.orphans == ("exec-001", "exec-005")
    assert ExecutionType.FUNDING not in FILLS


def test_at_the_same_moment_the_venues_sequence_decides() -> None:
    """A position opened at 08:00:00.000, after the settlement of that very moment, does not pay for it."""
    at = {"at": 8_000}
    folded = fold([opens(2, "1", "100", **at), Booked(execution(1, BUY, "1", "100", kind=ExecutionType.FUNDING, **at))])
    [trip] = folded.trips
    assert trip.funding == 0


def test_a_hand_that_trades_through_flat_opens_the_other_side() -> None:
    first, second = fold([opens(1, "1", "100"), closes(2, "3", "90", closed_qty=D(1))]).trips
    assert (first.closed, first.closed_at) == (D(1), 2_000)
    assert (second.side, second.qty, second.position_id) == (Side.SHORT, D(2), "adopted-BTCUSDT-2000")
    assert first.fees + second.fees == D("0.2")


def test_a_short_earns_when_the_price_falls() -> None:
    rows = [Booked(execution(1, SELL, "2", "100")), Booked(execution(2, BUY, "2", "90", closed_qty=D(2)))]
    [trip] = fold(rows).trips
    assert (trip.side, trip.gross) == (Side.SHORT, D(20))


def test_a_position_keeps_the_name_that_it_was_given() -> None:
    given = Booked(execution(1, BUY, "1", "100"), "adopted-BTCUSDT-77")
    trip = fold([given]).open
    assert trip is not None
    assert trip.position_id == "adopted-BTCUSDT-77"
