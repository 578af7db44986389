from decimal import Decimal

from services.paper_exchange.core.columns import EMPTY
from services.paper_exchange.core.tape import Recorded, Scale

SCALE = Scale(tick=Decimal("0.01"), quantum=Decimal("0.001"))


def test_whole_numbers_become_decimals_of_their_units() -> None:
    assert (SCALE.price(12_345), SCALE.qty(7)) == (Decimal("123.45"), Decimal("0.007"))


def test_turnover_is_counted_in_quarters_of_tick_times_quantum() -> None:
    assert SCALE.turnover(4 * 12_345 * 7) == Decimal("123.45") * Decimal("0.007")


def test_a_recording_is_as_long_as_its_columns() -> None:
    assert Recorded(first=0, interval_ms=60_000, columns=EMPTY).count == 0  # type: ignore[arg-type]
