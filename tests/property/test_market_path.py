"""Invariants of paper_exchange core/trail.py, core/columns.py, core/listing.py and core/board.py."""

import itertools
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Symbol
from services.paper_exchange.adapters.replay import replay_market
from services.paper_exchange.adapters.synthetic import USUAL_START, synthetic_market
from services.paper_exchange.core.board import Board
from services.paper_exchange.core.columns import WEEK_MS, Columns, Ohlcv, bar_open, columns_of, group
from services.paper_exchange.core.facts import contract
from services.paper_exchange.core.listing import Listing
from services.paper_exchange.core.tape import Recorded, Scale
from services.paper_exchange.core.trail import trail
from tests.support.panels import MADE_FIRST, STEP_MS, make_panel

BTC, NEW = Symbol("BTCUSDT"), Symbol("NEWUSDT")
INTERVALS = [MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS]


@st.composite
def candles(draw: st.DrawFn) -> Ohlcv:
    prices = draw(st.lists(st.integers(1, 10**9), min_size=4, max_size=4))
    return Ohlcv(prices[0], max(prices), min(prices), prices[1], draw(st.integers(0, 10**9)))


@given(candles(), st.sampled_from(INTERVALS), st.binary(max_size=40))
def test_a_trail_stays_in_its_candle_and_touches_both_extremes(candle: Ohlcv, interval: int, cause: bytes) -> None:
    walked = trail(candle, interval, cause)

    assert (walked.prices[0], walked.prices[-1]) == (candle.open, candle.close)
    assert (max(walked.prices), min(walked.prices)) == (candle.high, candle.low)


@given(candles(), st.sampled_from(INTERVALS), st.binary(max_size=40))
def test_ticks_lie_after_the_open_and_before_the_close_each_later_than_the_last(
    candle: Ohlcv, interval: int, cause: bytes
) -> None:
    offsets = trail(candle, interval, cause).offsets

    assert offsets[0] == 1
    assert offsets[-1] == interval - 1
    assert list(offsets) == sorted(set(offsets))


def columns(rows: list[Ohlcv]) -> Columns:
    open_, high, low, close, volume = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return columns_of(open_, high, low, close, volume)


@given(st.lists(candles(), min_size=1, max_size=60), st.integers(0, 10_000), st.sampled_from([15, 60, 10_080]))
def test_bars_are_first_open_highest_lowest_last_close_and_sum(rows: list[Ohlcv], begin: int, minutes: int) -> None:
    interval = minutes * MINUTE_MS
    times = [(begin + k) * 5 * MINUTE_MS for k in range(len(rows))]

    opens, bars = group(columns(rows), np.array(times, np.int64), interval)

    expected: dict[int, list[Ohlcv]] = {}
    for at, row in zip(times, rows, strict=True):
        expected.setdefault(bar_open(at, interval), []).append(row)
    assert opens.tolist() == list(expected)
    assert [bars.at(k) for k in range(len(bars))] == [
        Ohlcv(
            part[0].open,
            max(r.high for r in part),
            min(r.low for r in part),
            part[-1].close,
            sum(r.volume for r in part),
        )
        for part in expected.values()
    ]


@given(st.integers(0, 10**13))
def test_a_week_begins_on_monday_at_midnight(at: int) -> None:
    opened = bar_open(at, WEEK_MS)

    assert opened <= at < opened + WEEK_MS
    assert (opened // DAY_MS + 3) % 7 == 0  # day 0 was a Thursday
    assert opened % DAY_MS == 0


@lru_cache
def made() -> Board:
    with TemporaryDirectory() as folder:
        panel = make_panel(Path(folder))
        return replay_market(panel.directory, symbols="top:50", start=None, end=None)


moments = st.integers(0, 3 * 96 * STEP_MS).map(lambda ms: Instant(MADE_FIRST + ms))


@given(moments, st.lists(st.integers(0, HOUR_MS), max_size=6))
def test_a_path_in_pieces_is_the_path(begin: Instant, pieces: list[int]) -> None:
    bounds = [begin]
    for piece in pieces:
        bounds.append(Instant(bounds[-1] + piece))

    together = made().path(bounds[0], bounds[-1])

    assert [tick for a, b in itertools.pairwise(bounds) for tick in made().path(a, b)] == list(together)
    assert [(tick.at, tick.symbol) for tick in together] == sorted((tick.at, tick.symbol) for tick in together)


@given(moments, st.integers(1, 2 * HOUR_MS))
def test_a_price_is_that_of_the_newest_tick(begin: Instant, span: int) -> None:
    until = Instant(begin + span)
    newest = {tick.symbol: tick.price for tick in made().path(begin, until)}

    assert {symbol: made().price(symbol, until) for symbol in newest} == newest


@given(moments)
def test_the_forming_bar_is_the_ticks_since_it_opened(now: Instant) -> None:
    bars = made().bars(BTC, HOUR_MS, start=None, end=None, limit=1, now=now)
    ticks = [tick.price for tick in made().path(bar_open(now, HOUR_MS), now) if tick.symbol == BTC]

    if ticks:
        (bar,) = bars
        assert (bar.open, bar.high, bar.low, bar.close) == (ticks[0], max(ticks), min(ticks), ticks[-1])
        assert not bar.closed


@given(st.lists(candles(), min_size=5, max_size=40), st.integers(1, 39), st.integers(1, 5 * MINUTE_MS))
def test_cutting_the_future_off_changes_nothing_that_is_known(rows: list[Ohlcv], keep: int, into: int) -> None:
    keep = min(keep, len(rows))
    now = Instant((keep - 1) * 5 * MINUTE_MS + into)
    whole, cut = (listed(columns(part)) for part in (rows, rows[:keep]))

    for interval in (5 * MINUTE_MS, HOUR_MS):
        known = [each.bars(interval, start=None, end=None, limit=50, now=now) for each in (whole, cut)]
        assert known[0] == known[1]
    assert whole.day(now) == cut.day(now)
    assert whole.price(now) == cut.price(now)


def listed(tape: Columns) -> Listing:
    instrument = contract(BTC, tick=Decimal("0.1"), price=Decimal(100), launched=Instant(0))
    return Listing(instrument, Recorded(Instant(0), 5 * MINUTE_MS, tape), Scale(Decimal("0.1"), Decimal(1)))


questions = st.lists(st.tuples(st.integers(0, 30 * DAY_MS), st.sampled_from([5, 60])), min_size=2, max_size=5)


@given(questions)
@settings(max_examples=10)
def test_a_synthetic_market_answers_alike_in_whatever_order_it_is_asked(asked: list[tuple[int, int]]) -> None:
    def answer(board: Board, question: tuple[int, int]) -> object:
        now = Instant(USUAL_START + question[0])
        return board.bars(BTC, question[1] * MINUTE_MS, start=None, end=None, limit=3, now=now), board.price(BTC, now)

    one, other = (synthetic_market(seed=3, symbols=2, start=None, end=None) for _ in range(2))

    forwards = {question: answer(one, question) for question in asked}
    assert {question: answer(other, question) for question in reversed(asked)} == forwards
