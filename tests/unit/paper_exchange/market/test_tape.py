from decimal import Decimal

from libs.common.units import Instant
from services.paper_exchange.core.market.columns import EMPTY, Ohlcv
from services.paper_exchange.core.market.tape import Later, Recorded, Scale
from tests.support.columns import columns, rows

SCALE = Scale(tick=Decimal("0.01"), quantum=Decimal("0.001"))


def test_whole_numbers_become_decimals_of_their_units() -> None:
    assert (SCALE.price(12_345), SCALE.qty(7)) == (Decimal("123.45"), Decimal("0.007"))


def test_turnover_is_counted_in_quarters_of_tick_times_quantum() -> None:
    assert SCALE.turnover(4 * 12_345 * 7) == Decimal("123.45") * Decimal("0.007")


def test_a_recording_is_as_long_as_its_columns() -> None:
    assert Recorded(first=0, interval_ms=60_000, columns=EMPTY).count == 0  # type: ignore[arg-type]


def test_a_part_of_a_recording_begins_where_its_first_candle_opens() -> None:
    row = Ohlcv(1, 2, 1, 2, 3)
    part = Recorded(Instant(0), 60_000, columns(row, row, row)).part(1, 3)

    assert (part.first, part.end, part.count) == (60_000, 180_000, 2)


def test_a_tape_that_is_played_later_has_the_same_candles() -> None:
    tape = Recorded(Instant(0), 60_000, columns(Ohlcv(1, 2, 1, 2, 3)))
    later = Later(tape, 1_000)

    assert (later.first, later.interval_ms, later.count) == (1_000, 60_000, 1)
    assert rows(later.read(0, 1)) == rows(tape.columns)
