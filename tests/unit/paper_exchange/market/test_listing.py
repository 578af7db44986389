from decimal import Decimal

import pytest

from libs.common.exchange.trading_types import Action
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Symbol
from services.paper_exchange.core.market.columns import MONTH_MS
from services.paper_exchange.core.market.facts import contract
from services.paper_exchange.core.market.listing import Listing, Window
from services.paper_exchange.core.market.market import Bar
from services.paper_exchange.core.market.path import Path
from services.paper_exchange.core.market.tape import Recorded, Scale
from services.paper_exchange.core.market.ticks import Reading
from services.paper_exchange.core.market.trail import Beat
from tests.support.columns import columns

M5 = 5 * MINUTE_MS
FIRST = Instant(10 * HOUR_MS)


class Shown(Listing):
    """A listing that is asked as a market is."""

    def last(
        self, interval_ms: int, *, start: Instant | None, end: Instant | None, limit: int, now: Instant
    ) -> list[Bar]:
        return list(self.bars(Reading.LAST, Window(interval_ms, start, end, limit), now))


def listed(*candles: tuple[int, int, int, int, int], beat: Beat = Beat.CANDLE) -> Shown:
    instrument = contract(Symbol("AUSDT"), tick=Decimal("0.5"), price=Decimal(50), launched=FIRST)
    path = Path([Recorded(FIRST, M5, columns(*candles))], beat, "AUSDT")
    return Shown(instrument, path, Scale(Decimal("0.5"), Decimal("0.1")))


UP = (100, 120, 90, 110, 10)
DOWN = (111, 112, 80, 85, 30)


def test_a_bar_is_made_of_the_candles_inside_it() -> None:
    listing = listed(UP, DOWN)

    (bar,) = listing.last(HOUR_MS, start=None, end=None, limit=5, now=Instant(FIRST + HOUR_MS))

    assert (bar.open, bar.high, bar.low, bar.close) == (Decimal(50), Decimal(60), Decimal(40), Decimal("42.5"))
    assert (bar.volume, bar.closed) == (Decimal(4), True)


def test_turnover_is_volume_at_the_mean_price_of_each_candle() -> None:
    listing = listed(UP)

    (bar,) = listing.last(M5, start=None, end=None, limit=5, now=Instant(FIRST + M5))

    assert bar.turnover == Decimal("52.5") * 1


def test_the_forming_bar_knows_only_the_ticks_so_far() -> None:
    listing = listed(UP, DOWN)

    (bar,) = listing.last(M5, start=None, end=None, limit=5, now=Instant(FIRST + 1))

    assert (bar.open, bar.high, bar.low, bar.close, bar.closed) == (*[Decimal(50)] * 4, False)


def test_a_bar_is_complete_but_not_closed_one_millisecond_before_its_end() -> None:
    listing = listed(UP, DOWN)

    before, after = (
        listing.last(M5, start=None, end=None, limit=1, now=Instant(FIRST + M5 - 1 + late))[0] for late in (0, 1)
    )

    assert (before.close, before.high, before.low, before.volume) == (after.close, after.high, after.low, after.volume)
    assert (before.closed, after.closed) == (False, True)


def test_a_bar_is_not_there_before_its_first_tick() -> None:
    listing = listed(UP, DOWN)

    bars = listing.last(M5, start=None, end=None, limit=5, now=Instant(FIRST + M5))

    assert [bar.open_at for bar in bars] == [FIRST]


def test_a_start_between_bars_begins_with_the_next() -> None:
    listing = listed(UP, DOWN, UP)

    bars = listing.last(M5, start=Instant(FIRST + 1), end=None, limit=1, now=Instant(FIRST + HOUR_MS))

    assert [bar.open_at for bar in bars] == [FIRST + M5]


def test_an_end_is_the_opening_time_of_the_last_bar() -> None:
    listing = listed(UP, DOWN, UP)

    bars = listing.last(M5, start=None, end=Instant(FIRST + M5), limit=9, now=Instant(FIRST + HOUR_MS))

    assert [bar.open_at for bar in bars] == [FIRST, FIRST + M5]


def test_a_window_after_now_is_empty() -> None:
    listing = listed(UP, DOWN, UP)

    assert not listing.last(M5, start=Instant(FIRST + M5), end=None, limit=9, now=Instant(FIRST + 10))


def test_an_interval_that_is_no_whole_minutes_gives_nothing() -> None:
    assert not listed(UP).last(MINUTE_MS // 2, start=None, end=None, limit=1, now=Instant(FIRST + M5))


@pytest.mark.parametrize("beat", Beat)
def test_minutes_are_made_of_the_ticks_and_make_the_candle(beat: Beat) -> None:
    listing, now = listed(UP, DOWN, beat=beat), Instant(FIRST + 2 * M5)

    minutes = listing.last(MINUTE_MS, start=None, end=None, limit=99, now=now)

    assert [bar.open_at for bar in minutes] == [FIRST + n * MINUTE_MS for n in range(10)]
    for bar in minutes:
        ticks = listing.path.ticks(bar.open_at - 1, bar.open_at + MINUTE_MS - 1)
        prices = [Decimal(price) / 2 for price in ticks.price.tolist()]
        assert (bar.open, bar.high, bar.low, bar.close) == (prices[0], max(prices), min(prices), prices[-1])
        assert bar.volume == Decimal(int(ticks.volume.sum())) / 10
    assert (max(bar.high for bar in minutes[:5]), min(bar.low for bar in minutes[:5])) == (Decimal(60), Decimal(45))


def test_three_minutes_that_lie_in_two_candles_have_ticks_of_both() -> None:
    listing, now = listed(UP, DOWN), Instant(FIRST + 2 * M5)

    threes = listing.last(3 * MINUTE_MS, start=None, end=None, limit=99, now=now)

    ticks = listing.path.ticks(FIRST + 3 * MINUTE_MS - 1, FIRST + 6 * MINUTE_MS - 1)
    assert [bar.open_at for bar in threes] == [FIRST + n * 3 * MINUTE_MS for n in range(4)]
    assert threes[1].volume == Decimal(int(ticks.volume.sum())) / 10
    assert [bar.closed for bar in threes] == [True, True, True, False]


def test_a_month_is_as_long_as_the_calendar_says() -> None:
    listing, now = listed(*[UP] * (288 * 60)), Instant(FIRST + 60 * DAY_MS)

    months = listing.last(MONTH_MS, start=None, end=None, limit=9, now=now)

    assert [bar.open_at // DAY_MS for bar in months] == [0, 31, 59]
    assert [bar.volume for bar in months] == [Decimal(288 * 31 - 120), Decimal(288 * 28), Decimal(288 + 120)]
    assert [bar.closed for bar in months] == [True, True, False]


def test_marks_have_no_volume_and_lag_behind_the_price() -> None:
    listing, now = listed(UP, DOWN), Instant(FIRST + 2 * M5)

    marks = listing.bars(Reading.MARK, Window(M5, None, None, 9), now)

    assert [bar.volume for bar in marks] == [0, 0]
    assert Decimal(40) < marks[1].low < marks[1].high < Decimal(60)
    assert listing.mark(now) == marks[-1].close


def test_a_premium_is_how_far_the_price_is_above_the_mark() -> None:
    listing, now = listed(UP, DOWN), Instant(FIRST + M5)

    (premium,) = listing.bars(Reading.PREMIUM, Window(M5, None, None, 1), now)

    price, mark = listing.price(now), listing.mark(now)
    assert price is not None
    assert mark is not None
    assert abs(premium.close - (price / mark - 1)) <= Decimal("1E-8")


def test_trades_are_the_ticks_at_which_something_changed_hands() -> None:
    listing, now = listed(UP, (110, 110, 110, 110, 0), DOWN), Instant(FIRST + 3 * M5)

    trades = listing.trades(None, now, 100)

    ticks = listing.path.ticks(0, now)
    assert [trade.at for trade in trades] == [
        at for at, volume in zip(ticks.at.tolist(), ticks.volume.tolist(), strict=True) if volume
    ]
    assert sum(trade.qty for trade in trades) == Decimal(4)
    assert {trade.taker for trade in trades} == set(Action)
    assert len({trade.trade_id for trade in trades}) == len(trades)


def test_trades_are_the_newest_of_a_stretch_and_stay_what_they_are() -> None:
    listing, now = listed(*[UP] * 30), Instant(FIRST + 30 * M5)

    every = listing.trades(None, now, 1_000)

    assert listing.trades(None, now, 7) == every[-7:]
    assert listing.trades(every[20].at, every[40].at, 1_000) == every[21:41]
    assert listing.trades(every[20].at, every[40].at, 3) == every[38:41]
    assert not listing.trades(now, now, 5)
    assert not listing.trades(None, FIRST, 5)


def test_a_listing_that_is_played_later_has_the_same_bars_later() -> None:
    listing = listed(UP, DOWN)
    later = listing.later(DAY_MS)

    bars = listing.bars(Reading.LAST, Window(MINUTE_MS, None, None, 9), Instant(FIRST + HOUR_MS))
    again = later.bars(Reading.LAST, Window(MINUTE_MS, None, None, 9), Instant(FIRST + DAY_MS + HOUR_MS))

    assert later.instrument.launched == FIRST + DAY_MS
    assert [(bar.open_at, bar.close) for bar in again] == [(bar.open_at + DAY_MS, bar.close) for bar in bars]


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
    assert not listing.last(M5, start=None, end=None, limit=1, now=FIRST)


def test_a_day_is_twenty_four_hours_before_the_quarter_and_what_came_since() -> None:
    listing = listed(*[DOWN] * 3, *[UP] * 288, DOWN)

    day = listing.day(Instant(FIRST + 291 * M5 + 1))

    assert day is not None
    assert (day.open, day.high, day.low) == (Decimal(50), Decimal(60), Decimal(45))
    assert Decimal(288) < day.volume < Decimal("290")


def test_there_are_no_bars_after_now_however_far_away_the_question_lies() -> None:
    listing = listed(UP, DOWN)

    far = Instant(10**18)
    assert not listing.last(M5, start=far, end=None, limit=1_000, now=Instant(FIRST + M5))
    assert not listing.last(M5, start=far, end=far, limit=1_000, now=Instant(FIRST + M5))
