from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, Instant, Symbol
from services.paper_exchange.core.market.board import Board
from services.paper_exchange.core.market.columns import columns_of
from services.paper_exchange.core.market.facts import contract
from services.paper_exchange.core.market.listing import Listing
from services.paper_exchange.core.market.path import Path
from services.paper_exchange.core.market.schedule import BASE_RATE, Schedule
from services.paper_exchange.core.market.tape import Recorded, Scale
from services.paper_exchange.core.market.trail import Beat

A, B = Symbol("AUSDT"), Symbol("BUSDT")
END = Instant(8 * HOUR_MS)


def listing(symbol: Symbol, interval_ms: int, price: int, *, end: Instant = END) -> Listing:
    """Flat candles of `price`, and as much volume, until `end`."""
    flat = np.full(end // interval_ms, price, np.int64)
    instrument = contract(symbol, tick=Decimal(1), price=Decimal(price), launched=Instant(0))
    path = Path([Recorded(Instant(0), interval_ms, columns_of(*[flat] * 5))], Beat.CANDLE, symbol)
    return Listing(instrument, path, Scale(Decimal(1), Decimal(1)))


@pytest.fixture
def board() -> Board:
    listings = [listing(B, HOUR_MS, 7), listing(A, 15 * MINUTE_MS, 5)]
    return Board(listings, {each.symbol: Schedule(Instant(0)) for each in listings}, start=Instant(0), end=END)


def test_instruments_are_sorted_by_symbol(board: Board) -> None:
    assert [each.symbol for each in board.instruments] == [A, B]


def test_ticks_of_candles_of_any_length_come_sorted_by_time_then_symbol(board: Board) -> None:
    quarter = 15 * MINUTE_MS

    path = [(tick.at, tick.symbol) for tick in board.path(Instant(0), Instant(2 * quarter))]

    assert path[:2] == [(1, A), (1, B)]
    assert path == sorted(path)
    assert {(quarter - 1, A), (quarter + 1, A), (2 * quarter - 1, A)} <= set(path)
    assert [at for at, symbol in path if symbol == B][-1] < 2 * quarter - 1


def test_a_tick_has_the_mark_and_the_volume_of_its_path(board: Board) -> None:
    ticks = [tick for tick in board.path(Instant(0), END) if tick.symbol == A]

    assert {(tick.price, tick.mark) for tick in ticks} == {(Decimal(5), Decimal(5))}
    assert sum(tick.volume for tick in ticks) == 32 * 5


def test_a_board_that_is_played_later_is_the_same_board_with_other_dates(board: Board) -> None:
    later = board.later(DAY_MS, start=Instant(DAY_MS + 5), end=Instant(DAY_MS + END))

    assert (later.start, later.end, later.first) == (DAY_MS + 5, DAY_MS + END, DAY_MS)
    assert [
        replace(tick, at=Instant(tick.at - DAY_MS)) for tick in later.path(Instant(DAY_MS), Instant(DAY_MS + END))
    ] == list(board.path(Instant(0), END))
    assert [each.at for each in later.settlements(Instant(DAY_MS), Instant(DAY_MS + END))] == [DAY_MS + END] * 2


def test_a_symbol_that_ends_before_the_others_is_delisted_and_settles_no_more() -> None:
    long, short = listing(A, HOUR_MS, 7), listing(B, HOUR_MS, 5, end=Instant(4 * HOUR_MS))
    board = Board([long, short], {each: Schedule(Instant(0)) for each in (A, B)}, start=Instant(0), end=END)

    assert (board.delisting(A), board.delisting(B)) == (None, 4 * HOUR_MS)
    assert [each.symbol for each in board.settlements(Instant(0), END)] == [A]
    assert board.price(B, END) == Decimal(5)


def test_a_path_leaves_its_beginning_out_and_has_its_end_in(board: Board) -> None:
    assert [tick.symbol for tick in board.path(Instant(1), Instant(HOUR_MS - 1))][-2:] == [A, B]
    assert not board.path(Instant(HOUR_MS - 1), Instant(HOUR_MS))


def test_settlements_come_sorted_by_time_then_symbol(board: Board) -> None:
    settled = board.settlements(Instant(0), END)

    assert [(each.at, each.symbol, each.rate) for each in settled] == [(END, A, BASE_RATE), (END, B, BASE_RATE)]
    assert board.settlements(Instant(0), END, B) == settled[1:]


def test_a_symbol_that_is_not_listed_has_nothing(board: Board) -> None:
    nobody = Symbol("NOUSDT")

    assert board.price(nobody, END) is None
    assert board.day(nobody, END) is None
    assert not board.bars(nobody, HOUR_MS, start=None, end=None, limit=5, now=END)
