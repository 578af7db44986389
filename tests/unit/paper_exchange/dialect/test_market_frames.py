from decimal import Decimal
from itertools import pairwise

import pytest

from libs.common.units import Price
from services.paper_exchange.core.dialect.market_frames import Direction, side_delta, ticker_delta


def test_a_delta_names_its_symbol_and_what_changed() -> None:
    before, after = (
        {"symbol": "B", "lastPrice": "1", "bid1Price": "0"},
        {"symbol": "B", "lastPrice": "2", "bid1Price": "0"},
    )

    assert ticker_delta({**before}, {**after}) == {"symbol": "B", "lastPrice": "2"}
    assert ticker_delta({**after}, {**after}) == {"symbol": "B"}


@pytest.mark.parametrize(
    ("walk", "told"),
    [
        ("1 2 2 3", "PlusTick ZeroPlusTick PlusTick"),
        ("3 2 2 2 3 3", "MinusTick ZeroMinusTick ZeroMinusTick PlusTick ZeroPlusTick"),
    ],
)
def test_a_price_that_stays_keeps_the_direction_that_it_came_from(walk: str, told: str) -> None:
    prices = [Price(Decimal(text)) for text in walk.split()]
    way, ways = Direction.UP, []
    for before, now in pairwise(prices):
        way = way.then(before, now)
        ways.append(way.value)

    assert ways == told.split()


def test_a_books_delta_deletes_with_a_size_of_zero_what_was_there_and_is_no_more() -> None:
    before, after = {"3": "1", "2": "5", "1": "9"}, {"4": "1", "3": "1", "2": "6"}

    assert side_delta(before, after) == {"1": "0", "4": "1", "2": "6"}
    assert side_delta(after, after) == {}
