from decimal import Decimal as D

import pytest

from libs.common.units import DAY_MS, MINUTE_MS, Instant, Price, Qty, Symbol
from services.paper_exchange.core.market.columns import MONTH_MS, bar_close, bar_number, bar_start
from services.paper_exchange.core.market.market import Bar
from services.paper_exchange.core.relayed.archive import CHUNK, Archive, Kind, Series, Stretch, asked

QUARTER = 15 * MINUTE_MS
SERIES = Series(Kind.LAST, Symbol("BTCUSDT"), QUARTER)
BEGIN = bar_start(7_000 * CHUNK, QUARTER)


def at(number: int) -> Instant:
    """The opening of the candle `number` after BEGIN."""
    return Instant(BEGIN + number * QUARTER)


def bars(stretch: Stretch, interval_ms: int = QUARTER) -> list[Bar]:
    numbers = range(bar_number(stretch.begin, interval_ms), bar_number(stretch.end, interval_ms))
    price = Price(D(1))
    return [Bar(bar_start(n, interval_ms), price, price, price, price, Qty(D(1)), D(1), True) for n in numbers]


def filled(archive: Archive, stretch: Stretch, known_to: Instant, series: Series = SERIES) -> None:
    for piece in archive.lacking(series, stretch):
        archive.keep(series, piece, bars(piece, series.interval_ms), known_to)


def test_what_was_asked_for_once_is_read_without_asking_again() -> None:
    archive, stretch = Archive(), Stretch(at(10), at(20))
    assert archive.lacking(SERIES, stretch) == [Stretch(at(0), at(CHUNK))]
    filled(archive, stretch, at(9_000))
    assert archive.lacking(SERIES, stretch) == []
    assert [bar.open_at for bar in archive.read(SERIES, stretch)] == [at(n) for n in range(10, 20)]


def test_what_is_missing_is_asked_for_in_pieces_that_the_venue_gives_at_once() -> None:
    archive = Archive()
    archive.keep(SERIES, Stretch(at(CHUNK), at(2 * CHUNK)), [], at(9_000))
    assert archive.lacking(SERIES, Stretch(at(5), at(8 * CHUNK))) == [
        Stretch(at(0), at(CHUNK)),
        Stretch(at(2 * CHUNK), at(6 * CHUNK)),
        Stretch(at(6 * CHUNK), at(8 * CHUNK)),
    ]


def test_a_chunk_that_was_not_over_is_good_up_to_then() -> None:
    archive = Archive()
    filled(archive, Stretch(at(0), at(10)), at(10))
    assert archive.lacking(SERIES, Stretch(at(0), at(10))) == []
    assert archive.lacking(SERIES, Stretch(at(0), at(11))) == [Stretch(at(0), at(CHUNK))]


def test_an_empty_stretch_lacks_nothing() -> None:
    assert Archive().lacking(SERIES, Stretch(at(3), at(3))) == []
    assert Archive().read(SERIES, Stretch(at(3), at(3))) == []


def test_what_was_not_looked_at_for_longest_goes_first() -> None:
    archive = Archive(most=2 * CHUNK)
    old, used, new = (Stretch(at(n * CHUNK), at((n + 1) * CHUNK)) for n in range(3))
    filled(archive, used, at(9_000))
    filled(archive, old, at(9_000))
    assert archive.read(SERIES, used)
    filled(archive, new, at(9_000))
    assert (archive.lacking(SERIES, used), archive.lacking(SERIES, new)) == ([], [])
    assert archive.lacking(SERIES, old) == [old]


def test_chunks_without_candles_are_bounded_too() -> None:
    archive = Archive(most=10)
    for number in range(100):
        piece = Stretch(at(number * CHUNK), at((number + 1) * CHUNK))
        archive.keep(SERIES, piece, [], at(90_000))
    assert len(archive.lacking(SERIES, Stretch(at(0), at(100 * CHUNK)))) == -(-90 // 4)


def test_months_are_kept_by_the_calendar() -> None:
    series, archive = SERIES._replace(interval_ms=MONTH_MS), Archive()
    stretch = Stretch(bar_start(600, MONTH_MS), bar_start(612, MONTH_MS))
    filled(archive, stretch, Instant(2**50), series)
    assert len(archive.read(series, stretch)) == 12


NOW = Instant(at(100) + 5)


@pytest.mark.parametrize(
    ("start", "end", "limit", "begin", "stop"),
    [
        (None, None, 3, at(98), at(101)),
        (None, at(50), 3, at(48), at(51)),
        (at(10), None, 3, at(10), at(13)),
        (Instant(at(10) + 1), None, 3, at(11), at(14)),
        (at(99), None, 30, at(99), at(101)),
        (at(10), at(12), 30, at(10), at(13)),
        (at(200), None, 3, NOW, NOW),
        (None, at(-99), 3, NOW, NOW),
        (at(-99), None, 50, at(-50), at(-49)),
    ],
)
def test_a_question_means_a_stretch_of_candles(
    start: Instant | None, end: Instant | None, limit: int, begin: Instant, stop: Instant
) -> None:
    found = asked(QUARTER, start=start, end=end, limit=limit, now=NOW, since=at(-50))
    assert found == Stretch(begin, stop)


def test_a_candle_begins_with_its_first_tick() -> None:
    now = at(100)
    assert asked(QUARTER, start=None, end=None, limit=1, now=now, since=Instant(0)) == Stretch(at(99), at(100))
    day = asked(MONTH_MS, start=None, end=None, limit=1, now=now, since=Instant(0))
    assert day.end == bar_close(day.begin, MONTH_MS)
    assert day.begin <= now < day.begin + 31 * DAY_MS
