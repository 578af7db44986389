from dataclasses import replace
from decimal import Decimal as D

import pytest

from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Price, Qty
from services.paper_exchange.core.market.market import Bar
from services.paper_exchange.core.relayed.gap import Leg, step_for, walk

BEGIN = Instant(1_757_894_400_000)


def bar(open_: int, high: int, low: int, close: int, *, number: int = 0) -> Bar:
    first, highest, lowest, last = (Price(D(price)) for price in (open_, high, low, close))
    at = Instant(BEGIN + number * MINUTE_MS)
    return Bar(at, first, highest, lowest, last, Qty(D(8)), turnover=D(8), closed=True)


def alike(*bars: Bar) -> list[Leg]:
    return [Leg(each, each) for each in bars]


def lasts(*bars: Bar, since: int = 0, until: int = 10 * MINUTE_MS, seen: Bar | None = None) -> list[int]:
    ticks = walk(alike(*bars), MINUTE_MS, since=Instant(BEGIN + since), until=Instant(BEGIN + until), seen=seen)
    return [int(tick.price) for tick in ticks]


@pytest.mark.parametrize(
    ("candle", "way"),
    [(bar(10, 15, 8, 12), [10, 8, 15, 12]), (bar(12, 15, 8, 10), [12, 15, 8, 10])],
)
def test_a_candle_is_walked_over_both_its_extremes(candle: Bar, way: list[int]) -> None:
    assert lasts(candle) == way


def test_ticks_lie_in_their_candle_after_the_gap_began_and_before_it_ended() -> None:
    since, until = Instant(BEGIN + 30_000), Instant(BEGIN + 90_000)
    legs = alike(bar(10, 15, 8, 12), bar(12, 13, 11, 12, number=1))
    ticks = list(walk(legs, MINUTE_MS, since=since, until=until, seen=None))
    moments = [tick.at for tick in ticks]
    assert len(ticks) == 8
    assert moments == sorted(set(moments))
    assert since < moments[0] <= moments[3] < BEGIN + MINUTE_MS < moments[4] <= moments[7] < until
    assert sum(tick.volume for tick in ticks) == 16


def test_extremes_that_were_seen_before_the_gap_are_not_walked_again() -> None:
    seen = replace(bar(10, 15, 9, 11), closed=False)
    assert lasts(bar(10, 15, 9, 12), since=30_000, seen=seen) == [11, 11, 12, 12]
    assert lasts(bar(10, 16, 9, 12), since=30_000, seen=seen) == [11, 11, 16, 12]
    assert lasts(bar(10, 15, 8, 10), since=30_000, seen=seen) == [11, 11, 8, 10]
    assert lasts(bar(10, 15, 8, 12, number=1), seen=seen) == [10, 8, 15, 12]


def test_the_mark_goes_its_own_way() -> None:
    legs = [Leg(bar(10, 30, 5, 12), bar(11, 13, 9, 12))]
    ticks = list(walk(legs, MINUTE_MS, since=BEGIN, until=Instant(BEGIN + HOUR_MS), seen=None))
    assert [int(tick.mark) for tick in ticks] == [11, 9, 13, 12]


def test_where_there_is_no_room_there_is_no_tick() -> None:
    assert lasts(bar(10, 15, 8, 12), since=MINUTE_MS - 2) == []
    assert lasts(bar(10, 15, 8, 12), since=MINUTE_MS) == []


@pytest.mark.parametrize(
    ("gap_ms", "step_ms"),
    [
        (1, MINUTE_MS),
        (16 * HOUR_MS, MINUTE_MS),
        (DAY_MS, 15 * MINUTE_MS),
        (30 * DAY_MS, HOUR_MS),
        (900 * DAY_MS, DAY_MS),
    ],
)
def test_a_longer_gap_is_walked_in_coarser_candles(gap_ms: int, step_ms: int) -> None:
    assert step_for(gap_ms) == step_ms
