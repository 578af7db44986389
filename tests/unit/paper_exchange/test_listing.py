from decimal import Decimal

import numpy as np

from libs.common.units import HOUR_MS, MINUTE_MS, Instant, Symbol
from services.paper_exchange.core.columns import columns_of
from services.paper_exchange.core.facts import contract
from services.paper_exchange.core.listing import Listing
from services.paper_exchange.core.tape import Recorded, Scale

M5 = 5 * MINUTE_MS
FIRST = Instant(10 * HOUR_MS)


def listed(*candles: tuple[int, int, int, int, int]) -> Listing:
    columns = columns_of(*(np.array(column, np.int64) for column in zip(*candles, strict=True)))
    instrument = contract(Symbol("AUSDT"), tick=Decimal("0.5"), price=Decimal(50), launched=FIRST)
    return Listing(instrument, Recorded(FIRST, M5, columns), Scale(Decimal("0.5"), Decimal("0.1")))


UP = (100, 120, 90, 110, 10)
DOWN = (111, 112, 80, 85, 30)


def test_a_bar_is_made_of_the_candles_inside_it() -> None:
    listing = listed(UP, DOWN)

    (bar,) = listing.bars(HOUR_MS, start=None, end=None, limit=5, now=Instant(FIRST + HOUR_MS))

    assert (bar.open, bar.high, bar.low, bar.close) == (Decimal(50), Decimal(60), Decimal(40), Decimal("42.5"))
    assert (bar.volume, bar.closed) == (Decimal(4), True)


def test_turnover_is_volume_at_the_mean_price_of_each_candle() -> None:
    listing = listed(UP)

    (bar,) = listing.bars(M5, start=None, end=None, limit=5, now=Instant(FIRST + M5))

    assert bar.turnover == Decimal("52.5") * 1


def test_the_forming_bar_knows_only_the_ticks_so_far() -> None:
    listing = listed(UP, DOWN)

    (bar,) = listing.bars(M5, start=None, end=None, limit=5, now=Instant(FIRST + 1))

    assert (bar.open, bar.high, bar.low, bar.close, bar.closed) == (*[Decimal(50)] * 4, False)


def test_a_bar_is_complete_but_not_closed_one_millisecond_before_its_end() -> None:
    listing = listed(UP, DOWN)

    before, after = (
        listing.bars(M5, start=None, end=None, limit=1, now=Instant(FIRST + M5 - 1 + late))[0] for late in (0, 1)
    )

    assert (before.close, before.high, before.low, before.volume) == (after.close, after.high, after.low, after.volume)
    assert (before.closed, after.closed) == (False, True)


def test_a_bar_is_not_there_before_its_first_tick() -> None:
    listing = listed(UP, DOWN)

    bars = listing.bars(M5, start=None, end=None, limit=5, now=Instant(FIRST + M5))

    assert [bar.open_at for bar in bars] == [FIRST]


def test_a_start_between_bars_begins_with_the_next() -> None:
    listing = listed(UP, DOWN, UP)

    bars = listing.bars(M5, start=Instant(FIRST + 1), end=None, limit=1, now=Instant(FIRST + HOUR_MS))

    assert [bar.open_at for bar in bars] == [FIRST + M5]


def test_an_end_is_the_opening_time_of_the_last_bar() -> None:
    listing = listed(UP, DOWN, UP)

    bars = listing.bars(M5, start=None, end=Instant(FIRST + M5), limit=9, now=Instant(FIRST + HOUR_MS))

    assert [bar.open_at for bar in bars] == [FIRST, FIRST + M5]


def test_a_window_after_now_is_empty() -> None:
    listing = listed(UP, DOWN, UP)

    assert not listing.bars(M5, start=Instant(FIRST + M5), end=None, limit=9, now=Instant(FIRST + 10))


def test_an_interval_that_the_candles_cannot_make_gives_nothing() -> None:
    assert not listed(UP).bars(MINUTE_MS, start=None, end=None, limit=1, now=Instant(FIRST + M5))


def test_the_price_after_the_last_candle_stays_where_it_was() -> None:
    assert listed(UP, DOWN).price(Instant(FIRST + HOUR_MS)) == Decimal("42.5")


def test_at_the_opening_time_of_a_candle_the_price_is_still_the_close_before() -> None:
    listing = listed(UP, DOWN)

    assert listing.price(Instant(FIRST + M5)) == Decimal(55)
    assert listing.price(Instant(FIRST + M5 + 1)) == Decimal("55.5")


def test_nothing_is_known_before_the_first_tick() -> None:
    listing = listed(UP)

    assert listing.price(FIRST) is None
    assert listing.day(FIRST) is None
    assert not listing.bars(M5, start=None, end=None, limit=1, now=FIRST)


def test_a_day_is_twenty_four_hours_of_candles_and_the_forming_one() -> None:
    listing = listed(DOWN, *[UP] * 288, DOWN)

    day = listing.day(Instant(FIRST + 289 * M5 + 1))

    assert day is not None
    assert (day.open, day.high, day.low) == (Decimal(50), Decimal(60), Decimal(45))
    assert day.volume == Decimal("288.3")


def test_the_ticks_of_a_stretch_are_those_of_the_candles_that_open_in_it() -> None:
    listing = listed(UP, DOWN, UP)

    ticks = list(listing.ticks(FIRST + M5, FIRST + 2 * M5))

    assert (ticks[0].at, ticks[0].price) == (FIRST + M5 + 1, Decimal("55.5"))
    assert (ticks[-1].at, ticks[-1].price) == (FIRST + 2 * M5 - 1, Decimal("42.5"))


def test_there_are_no_bars_after_now_however_far_away_the_question_lies() -> None:
    listing = listed(UP, DOWN)

    far = Instant(10**18)
    assert not listing.bars(M5, start=far, end=None, limit=1_000, now=Instant(FIRST + M5))
    assert not listing.bars(M5, start=far, end=far, limit=1_000, now=Instant(FIRST + M5))
