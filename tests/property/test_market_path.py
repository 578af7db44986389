"""Invariants of paper_exchange core/trail.py, splice.py, path.py, columns.py, listing.py and board.py."""

import itertools
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Symbol
from services.paper_exchange.adapters.markets.replay import replay_market
from services.paper_exchange.adapters.markets.synthetic import USUAL_START, synthetic_market
from services.paper_exchange.core.market.board import Board
from services.paper_exchange.core.market.columns import WEEK_MS, Columns, Ohlcv, bar_open, columns_of, group, join
from services.paper_exchange.core.market.dice import throw
from services.paper_exchange.core.market.facts import contract
from services.paper_exchange.core.market.listing import Listing, Window
from services.paper_exchange.core.market.path import MARKED_BY
from services.paper_exchange.core.market.path import Path as PricePath
from services.paper_exchange.core.market.splice import Recording, splice
from services.paper_exchange.core.market.tape import Recorded, Scale
from services.paper_exchange.core.market.ticks import Reading, bars_of
from services.paper_exchange.core.market.trail import Beat, Trail, ticks_in, trail
from tests.support.columns import columns
from tests.support.panels import MADE_FIRST, STEP_MS, make_panel

BTC, NEW = Symbol("BTCUSDT"), Symbol("NEWUSDT")
INTERVALS = [MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, 25 * MINUTE_MS, HOUR_MS]
BEATS = st.sampled_from(Beat)


@st.composite
def candles(draw: st.DrawFn) -> Ohlcv:
    prices = draw(st.lists(st.integers(1, 10**9), min_size=4, max_size=4))
    return Ohlcv(prices[0], max(prices), min(prices), prices[1], draw(st.integers(0, 10**9)))


def walked(rows: list[Ohlcv], interval: int, beat: Beat, seed: int) -> Trail:
    dice = throw(seed, np.arange(len(rows), dtype=np.int64), ticks_in(interval, beat))
    return trail(columns(*rows), interval, beat, dice)


SEEDS = st.integers(0, 2**64 - 1)


@given(st.lists(candles(), min_size=1, max_size=5), st.sampled_from(INTERVALS), BEATS, SEEDS)
def test_a_trail_stays_in_its_candle_and_touches_both_extremes(
    rows: list[Ohlcv], interval: int, beat: Beat, seed: int
) -> None:
    way = walked(rows, interval, beat, seed)

    for row, prices in zip(rows, way.prices.tolist(), strict=True):
        assert (prices[0], prices[-1], max(prices), min(prices)) == (row.open, row.close, row.high, row.low)


@given(st.lists(candles(), min_size=1, max_size=5), st.sampled_from(INTERVALS), BEATS, SEEDS)
def test_ticks_lie_after_the_open_and_before_the_close_each_later_than_the_last(
    rows: list[Ohlcv], interval: int, beat: Beat, seed: int
) -> None:
    for offsets in walked(rows, interval, beat, seed).offsets.tolist():
        assert (offsets[0], offsets[-1]) == (1, interval - 1)
        assert offsets == sorted(set(offsets))
        assert {offset // MINUTE_MS for offset in offsets} == set(range(interval // MINUTE_MS))


@given(st.lists(candles(), min_size=1, max_size=5), st.sampled_from(INTERVALS), BEATS, SEEDS)
def test_the_volume_is_spread_without_loss(rows: list[Ohlcv], interval: int, beat: Beat, seed: int) -> None:
    way = walked(rows, interval, beat, seed)

    assert way.volumes.sum(axis=1).tolist() == [row.volume for row in rows]
    assert (way.volumes >= 0).all()


@given(st.lists(candles(), min_size=1, max_size=5), st.sampled_from(INTERVALS), BEATS, SEEDS)
def test_what_is_paid_for_the_volume_is_the_turnover_but_for_rounding(
    rows: list[Ohlcv], interval: int, beat: Beat, seed: int
) -> None:
    way = walked(rows, interval, beat, seed)

    for row, prices, volumes in zip(rows, way.prices.tolist(), way.volumes.tolist(), strict=True):
        paid = sum(4 * price * volume for price, volume in zip(prices, volumes, strict=True))
        rounding = 4 * (row.high - row.low) * (len(prices) + 1)
        assert abs(paid - (row.open + row.high + row.low + row.close) * row.volume) <= rounding


@st.composite
def recordings(draw: st.DrawFn) -> list[Recording]:
    """One walk of an hour or more, recorded whole by the hour and in stretches by the quarter and the minute."""
    hours = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    closes = 1_000 + np.cumsum(rng.integers(-9, 10, hours * 60))
    opens = np.concatenate(([1_000], closes[:-1]))
    high, low = np.maximum(opens, closes) + rng.integers(0, 5, len(opens)), np.minimum(opens, closes) - 2
    minutes = columns_of(opens, high, low, closes, rng.integers(0, 50, len(opens)))
    times = np.arange(len(opens), dtype=np.int64) * MINUTE_MS
    found = []
    for interval in (MINUTE_MS, 15 * MINUTE_MS, HOUR_MS):
        at, whole = group(minutes, times, interval)
        kept = np.ones(len(at), np.bool_)
        if interval < HOUR_MS:
            kept = np.array(draw(st.lists(st.booleans(), min_size=len(at), max_size=len(at))))
        if kept.any():
            found.append(Recording(interval, at[kept], Columns(*(column[kept] for column in whole.all))))
    return found


def together(tapes: list[Recorded], interval: int) -> tuple[list[int], list[Ohlcv]]:
    opens = np.concatenate([tape.first + np.arange(tape.count, dtype=np.int64) * tape.interval_ms for tape in tapes])
    at, bars = group(join([tape.columns for tape in tapes]), opens, interval)
    return at.tolist(), [bars.at(k) for k in range(len(bars))]


@given(recordings())
def test_spliced_recordings_put_together_again_are_the_coarsest_and_hold_the_finest(found: list[Recording]) -> None:
    tapes = splice(found)

    assert all(early.end == late.first for early, late in itertools.pairwise(tapes))
    hours = found[-1]
    assert together(tapes, HOUR_MS) == (hours.opens.tolist(), [hours.columns.at(k) for k in range(len(hours.opens))])
    finest = found[0]
    held = {
        tape.first + k * tape.interval_ms: tape.columns.at(k)
        for tape in tapes
        if tape.interval_ms == finest.interval_ms
        for k in range(tape.count)
    }
    assert {at: held.get(at) for at in finest.opens.tolist()} == {
        at: finest.columns.at(k) for k, at in enumerate(finest.opens.tolist())
    }


@given(recordings(), BEATS)
@settings(max_examples=30)
def test_bars_of_any_length_are_made_of_the_ticks(found: list[Recording], beat: Beat) -> None:
    path = PricePath(splice(found), beat, "AUSDT")
    ticks = path.ticks(path.first, path.end)

    for interval in (MINUTE_MS, 3 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, DAY_MS):
        pieces = list(path.pieces(Reading.LAST, interval, bar_open(path.first, interval), path.end))
        opens, bars = group(
            join([piece[1] for piece in pieces]), np.concatenate([piece[0] for piece in pieces]), interval
        )
        made = bars_of(ticks, interval, Reading.LAST)
        assert opens.tolist() == made[0].tolist()
        assert [bars.at(k) for k in range(len(bars))] == [made[1].at(k) for k in range(len(bars))]


@given(recordings(), BEATS)
@settings(max_examples=30)
def test_a_mark_lies_in_the_range_of_the_newest_prices(found: list[Recording], beat: Beat) -> None:
    ticks = (path := PricePath(splice(found), beat, "AUSDT")).ticks(0, path.end)
    prices = ticks.price.tolist()

    for place, mark in enumerate(ticks.mark.tolist()):
        newest = prices[max(0, place - MARKED_BY[beat] + 1) : place + 1]
        assert min(newest) <= mark <= max(newest)


@given(st.lists(candles(), min_size=1, max_size=60), st.integers(0, 10_000), st.sampled_from([15, 60, 10_080]))
def test_bars_are_first_open_highest_lowest_last_close_and_sum(rows: list[Ohlcv], begin: int, minutes: int) -> None:
    interval = minutes * MINUTE_MS
    times = [(begin + k) * 5 * MINUTE_MS for k in range(len(rows))]

    opens, bars = group(columns(*rows), np.array(times, np.int64), interval)

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


@given(moments, st.integers(1, 2 * HOUR_MS))
def test_public_trades_are_the_path_and_move_the_bars(begin: Instant, span: int) -> None:
    until = Instant(begin + span)
    ticks = [tick for tick in made().path(begin, until) if tick.symbol == BTC and tick.volume]

    trades = made().trades(BTC, after=begin, now=until, limit=10_000)

    assert [(trade.at, trade.price, trade.qty) for trade in trades] == [
        (tick.at, tick.price, tick.volume) for tick in ticks
    ]
    assert [trade.number for trade in trades] == sorted({trade.number for trade in trades})


@given(moments)
def test_a_day_is_the_quarters_of_twenty_four_hours_and_the_forming_one(now: Instant) -> None:
    quarters = made().bars(BTC, STEP_MS, start=None, end=None, limit=97, now=now)
    day = made().day(BTC, now)

    if bar_open(now, STEP_MS) == now:  # the quarter of `now` has no tick yet
        quarters = quarters[-96:]
    if quarters:
        assert day is not None
        assert (day.open, day.volume) == (quarters[0].open, sum(bar.volume for bar in quarters))
        assert (day.high, day.low) == (max(bar.high for bar in quarters), min(bar.low for bar in quarters))


@given(st.lists(candles(), min_size=5, max_size=40), st.integers(1, 39), st.integers(1, 5 * MINUTE_MS))
def test_cutting_the_future_off_changes_nothing_that_is_known(rows: list[Ohlcv], keep: int, into: int) -> None:
    keep = min(keep, len(rows))
    now = Instant((keep - 1) * 5 * MINUTE_MS + into)
    whole, cut = (listed(columns(*part)) for part in (rows, rows[:keep]))

    for interval in (MINUTE_MS, 5 * MINUTE_MS, HOUR_MS):
        for reading in Reading:
            known = [each.bars(reading, Window(interval, None, None, 50), now) for each in (whole, cut)]
            assert known[0] == known[1]
    assert whole.trades(None, now, 200) == cut.trades(None, now, 200)
    assert whole.day(now) == cut.day(now)
    assert whole.price(now) == cut.price(now)


def listed(tape: Columns) -> Listing:
    instrument = contract(BTC, tick=Decimal("0.1"), price=Decimal(100), launched=Instant(0))
    path = PricePath([Recorded(Instant(0), 5 * MINUTE_MS, tape)], Beat.CANDLE, BTC)
    return Listing(instrument, path, Scale(Decimal("0.1"), Decimal(1)))


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
