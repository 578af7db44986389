from decimal import Decimal as D

import pytest

from libs.common.units import Instant, Price, Qty, Symbol
from services.paper_exchange.core.market.depth import Level, Sides
from services.paper_exchange.core.relayed.level_book import MOST_LEVELS, LevelBook
from services.paper_exchange.core.relayed.upstream_frames import LevelsHeard

Side = dict[str, str]


def levels(side: Side) -> tuple[Level, ...]:
    return tuple(Level(Price(D(price)), Qty(D(qty))) for price, qty in side.items())


def heard(number: int, bids: Side, asks: Side, *, snapshot: bool = False) -> LevelsHeard:
    return LevelsHeard(Instant(number), Symbol("BTCUSDT"), snapshot, number, levels(bids), levels(asks))


@pytest.fixture
def book() -> LevelBook:
    begun = LevelBook()
    assert begun.hear(heard(10, {"98": "2", "99": "1"}, {"102": "4", "101": "3"}, snapshot=True))
    return begun


def test_a_snapshot_is_sorted_best_first(book: LevelBook) -> None:
    assert book.sides() == Sides(levels({"99": "1", "98": "2"}), levels({"101": "3", "102": "4"}))
    assert book.at == 10


def test_deltas_change_add_and_delete(book: LevelBook) -> None:
    assert book.hear(heard(11, {"99": "0", "97": "5", "98": "7"}, {"100": "1"}))
    assert book.sides() == Sides(levels({"98": "7", "97": "5"}), levels({"100": "1", "101": "3", "102": "4"}))


def test_what_was_heard_before_changes_nothing(book: LevelBook) -> None:
    before = book.sides()
    assert book.hear(heard(10, {"99": "0"}, {}))
    assert book.sides() == before


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ({"96": "0"}, {}),  # a level that was never told
        ({"101": "1"}, {}),  # crossed
        ({str(price): "1" for price in range(1, MOST_LEVELS + 2)}, {}),
    ],
)
def test_what_does_not_fit_empties_the_book_until_the_next_snapshot(book: LevelBook, bids: Side, asks: Side) -> None:
    assert not book.hear(heard(11, bids, asks))
    assert book.sides() is None
    assert book.hear(heard(12, {"99": "1"}, {}))
    assert book.sides() is None
    assert book.hear(heard(1, {"99": "1"}, {"100": "1"}, snapshot=True))
    assert book.sides() == Sides(levels({"99": "1"}), levels({"100": "1"}))


def test_a_book_with_an_empty_side_shows_nothing(book: LevelBook) -> None:
    assert book.hear(heard(11, {"99": "0", "98": "0"}, {}))
    assert book.sides() is None
