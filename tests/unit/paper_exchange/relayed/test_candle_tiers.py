from dataclasses import replace
from decimal import Decimal as D

import pytest

from libs.common.exchange.trading_types import Action
from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Price, Qty, Symbol
from services.paper_exchange.core.dialect.shown import kline_row
from services.paper_exchange.core.market.columns import MONTH_MS, WEEK_MS, bar_open
from services.paper_exchange.core.market.market import Bar, Trade
from services.paper_exchange.core.relayed.candle_tiers import KEPT, CandleTiers, merged
from tests.support.told_venue import MORNING, minute

NOON = Instant(MORNING + 12 * HOUR_MS)


def minutes(begin: int, end: int) -> list[Bar]:
    return [minute(at) for at in range(begin, end, MINUTE_MS)]


def coarse(length: int, begin: int, end: int) -> list[Bar]:
    return [merged(minutes(at, at + length), Instant(at)) for at in range(begin, end, length)]


@pytest.fixture(scope="module")
def history() -> dict[int, list[Bar]]:
    return {
        MINUTE_MS: minutes(NOON - 999 * MINUTE_MS, NOON),
        HOUR_MS: coarse(HOUR_MS, MORNING - 10 * DAY_MS, NOON),
        DAY_MS: coarse(DAY_MS, MORNING - 40 * DAY_MS, MORNING),
    }


@pytest.fixture
def tiers(history: dict[int, list[Bar]]) -> CandleTiers:
    loaded = CandleTiers()
    for length, bars in history.items():
        loaded.load(length, bars, all_there_are=False)
    return loaded


def trade(at: int, price: str, qty: str = "1") -> Trade:
    return Trade(Instant(at), Symbol("BTCUSDT"), Price(D(price)), Qty(D(qty)), Action.BUY, 1, "a")


@pytest.mark.parametrize("interval_ms", [MINUTE_MS, 3 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 12 * HOUR_MS, DAY_MS])
def test_every_length_is_made_of_the_minutes(tiers: CandleTiers, interval_ms: int) -> None:
    begin = bar_open(NOON - 500 * MINUTE_MS, interval_ms)
    made = tiers.bars(interval_ms, begin, Instant(NOON + DAY_MS), NOON)
    opens = range(begin, NOON, interval_ms)
    assert [bar.open_at for bar in made] == list(opens)
    for bar in made:
        end = bar.open_at + interval_ms
        assert bar == merged(minutes(bar.open_at, min(end, NOON)), bar.open_at, closed=end <= NOON)


@pytest.mark.parametrize("interval_ms", [WEEK_MS, MONTH_MS])
def test_weeks_and_months_are_made_of_days_hours_and_minutes(tiers: CandleTiers, interval_ms: int) -> None:
    opened = bar_open(NOON, interval_ms)
    (bar,) = tiers.bars(interval_ms, opened, Instant(NOON + 1), NOON)
    assert bar == merged(minutes(opened, NOON), opened, closed=False)


def test_what_is_not_whole_in_memory_is_left_out(tiers: CandleTiers) -> None:
    first = NOON - 999 * MINUTE_MS
    made = tiers.bars(5 * MINUTE_MS, Instant(first - HOUR_MS), NOON, NOON)
    assert made[0].open_at == tiers.since(5 * MINUTE_MS) == bar_open(first, 5 * MINUTE_MS) + 5 * MINUTE_MS


def test_a_symbol_listed_just_now_has_a_first_candle_that_begins_late() -> None:
    tiers = CandleTiers()
    listed = Instant(MORNING + 2 * MINUTE_MS)
    tiers.load(MINUTE_MS, minutes(listed, listed + 5 * MINUTE_MS), all_there_are=True)
    assert tiers.since(5 * MINUTE_MS) == MORNING
    first, _ = tiers.bars(5 * MINUTE_MS, MORNING, NOON, tiers.known_to)
    assert first == merged(minutes(listed, MORNING + 5 * MINUTE_MS), MORNING)


def test_nothing_after_now_is_shown(tiers: CandleTiers) -> None:
    now = Instant(NOON - 90 * MINUTE_MS)
    (bar,) = tiers.bars(HOUR_MS, bar_open(now, HOUR_MS), NOON, now)
    assert bar == merged(minutes(bar.open_at, now), bar.open_at, closed=False)


def test_minutes_that_close_make_hours_and_days(tiers: CandleTiers) -> None:
    end = Instant(MORNING + DAY_MS + 2 * HOUR_MS)
    for bar in minutes(NOON, end):
        tiers.hear(bar, Instant(bar.open_at + MINUTE_MS))
    assert tiers.known_to == end
    assert tiers.bars(DAY_MS, MORNING, end, end)[0] == merged(minutes(MORNING, MORNING + DAY_MS), MORNING)


def test_hours_and_days_may_come_later_and_older_than_the_minutes(history: dict[int, list[Bar]]) -> None:
    tiers = CandleTiers()
    tiers.load(MINUTE_MS, history[MINUTE_MS], all_there_are=False)
    end = Instant(NOON + 3 * HOUR_MS)
    for bar in minutes(NOON, end):
        tiers.hear(bar, end)
    assert not tiers.is_deep
    month = bar_open(end, MONTH_MS)
    assert tiers.bars(MONTH_MS, month, end, end) == []
    assert tiers.bars(12 * HOUR_MS, NOON, end, end) == [merged(minutes(NOON, end), NOON, closed=False)]

    tiers.load(HOUR_MS, history[HOUR_MS], all_there_are=False)
    tiers.load(DAY_MS, history[DAY_MS], all_there_are=False)
    assert tiers.is_deep
    assert tiers.bars(MONTH_MS, month, end, end) == [merged(minutes(month, end), month, closed=False)]


def test_new_minutes_forget_the_hours_that_do_not_reach_them(tiers: CandleTiers) -> None:
    later = Instant(NOON + 5 * DAY_MS)
    tiers.load(MINUTE_MS, minutes(later - 300 * MINUTE_MS, later), all_there_are=False)
    assert not tiers.is_deep
    assert tiers.bars(DAY_MS, bar_open(later, DAY_MS), later, later) == []


def test_a_minute_that_comes_early_waits_and_one_that_comes_twice_changes_nothing(tiers: CandleTiers) -> None:
    first, second = minutes(NOON, NOON + 2 * MINUTE_MS)
    tiers.hear(second, NOON)
    assert tiers.known_to == NOON
    tiers.hear(first, NOON)
    tiers.hear(replace(first, close=Price(D(1))), NOON)
    assert tiers.known_to == NOON + 2 * MINUTE_MS
    assert tiers.bars(MINUTE_MS, NOON, Instant(NOON + HOUR_MS), tiers.known_to) == [first, second]


def test_the_forming_minute_is_what_the_venue_says_and_what_was_traded_since(tiers: CandleTiers) -> None:
    tiers.extend(trade(NOON + 5, "100"))
    tiers.extend(trade(NOON + 6, "103", "2"))
    heard = tiers.forming
    assert heard is not None
    assert kline_row(heard)[1:] == ["100", "103", "100", "103", "3", "306"]

    tiers.hear(replace(minute(NOON), closed=False), Instant(NOON + 10))
    tiers.extend(trade(NOON + 10, "500"))  # is in what the venue said
    assert tiers.forming == replace(minute(NOON), closed=False)
    tiers.extend(trade(NOON + 11, "99"))
    assert tiers.forming is not None
    assert (tiers.forming.low, tiers.forming.close) == (min(minute(NOON).low, D(99)), D(99))


def test_trades_of_the_next_minute_wait_for_the_one_before_to_close(tiers: CandleTiers) -> None:
    tiers.extend(trade(NOON + MINUTE_MS + 1, "107"))
    assert tiers.forming is None
    tiers.hear(minute(NOON), NOON)
    assert tiers.forming is not None
    assert tiers.forming.open == 107


def test_the_price_of_the_past_is_a_close(tiers: CandleTiers) -> None:
    assert tiers.price(Instant(NOON - 1)) == minute(NOON - 2 * MINUTE_MS).close
    assert tiers.price(Instant(MORNING - 9 * DAY_MS)) == minute(MORNING - 9 * DAY_MS - MINUTE_MS).close
    assert tiers.price(Instant(0)) == minute(MORNING - 40 * DAY_MS).open
    assert CandleTiers().price(NOON) is None


def test_memory_is_bounded(tiers: CandleTiers) -> None:
    end = NOON + 3 * KEPT[MINUTE_MS] * MINUTE_MS
    for bar in minutes(NOON, end):
        tiers.hear(bar, Instant(bar.open_at))
    assert len(tiers.bars(MINUTE_MS, Instant(0), Instant(end), Instant(end))) == KEPT[MINUTE_MS]
    for bar in minutes(end + MINUTE_MS, end + 5_000 * MINUTE_MS):  # after a hole
        tiers.hear(bar, Instant(end))
        tiers.extend(trade(bar.open_at + 1, "1"))
    assert tiers.known_to == end
