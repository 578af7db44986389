from decimal import Decimal

import numpy as np
import pytest

from libs.common.units import HOUR_MS, MINUTE_MS, Instant, Symbol
from services.paper_exchange.core.board import Board
from services.paper_exchange.core.columns import columns_of
from services.paper_exchange.core.facts import contract
from services.paper_exchange.core.listing import Listing
from services.paper_exchange.core.schedule import BASE_RATE, Schedule
from services.paper_exchange.core.tape import Recorded, Scale

A, B = Symbol("AUSDT"), Symbol("BUSDT")
END = Instant(8 * HOUR_MS)


def listing(symbol: Symbol, interval_ms: int, price: int) -> Listing:
    """Flat candles of `price` until END."""
    flat = np.full(END // interval_ms, price, np.int64)
    instrument = contract(symbol, tick=Decimal(1), price=Decimal(price), launched=Instant(0))
    return Listing(
        instrument, Recorded(Instant(0), interval_ms, columns_of(*[flat] * 5)), Scale(Decimal(1), Decimal(1))
    )


@pytest.fixture
def board() -> Board:
    listings = [listing(B, HOUR_MS, 7), listing(A, 15 * MINUTE_MS, 5)]
    return Board(listings, {each.symbol: Schedule(Instant(0)) for each in listings}, start=Instant(0), end=END)


def test_instruments_are_sorted_by_symbol(board: Board) -> None:
    assert [each.symbol for each in board.instruments] == [A, B]


def test_ticks_of_candles_of_any_length_come_sorted_by_time_then_symbol(board: Board) -> None:
    quarter = 15 * MINUTE_MS

    path = [(tick.at, tick.symbol) for tick in board.path(Instant(0), Instant(2 * quarter))]

    assert path == [(1, A), (1, B), (quarter - 1, A), (quarter + 1, A), (2 * quarter - 1, A)]


def test_a_path_leaves_its_beginning_out_and_has_its_end_in(board: Board) -> None:
    assert [tick.symbol for tick in board.path(Instant(1), Instant(HOUR_MS - 1))][-2:] == [A, B]
    assert not board.path(Instant(HOUR_MS - 1), Instant(HOUR_MS))


def test_settlements_come_sorted_by_time_then_symbol(board: Board) -> None:
    settled = board.settlements(Instant(0), END)

    assert [(each.at, each.symbol, each.rate) for each in settled] == [(END, A, BASE_RATE), (END, B, BASE_RATE)]


def test_a_symbol_that_is_not_listed_has_nothing(board: Board) -> None:
    nobody = Symbol("NOUSDT")

    assert board.price(nobody, END) is None
    assert board.day(nobody, END) is None
    assert not board.bars(nobody, HOUR_MS, start=None, end=None, limit=5, now=END)
