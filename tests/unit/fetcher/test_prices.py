from decimal import Decimal

import pytest

from libs.common.contracts.market import PriceMoved
from libs.common.exchange.market_types import PriceFrame
from libs.common.units import Instant, Price, Symbol
from services.fetcher.core.prices import Conflation, as_message

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")
NOBODY: frozenset[Symbol] = frozenset()
INTERVAL_MS = 100


def note(prices: Conflation, heard: PriceFrame, wall: int = 0) -> None:
    prices.note(heard, Instant(wall))


def take(
    prices: Conflation, first: frozenset[Symbol] = NOBODY, wall: int = 0, interval_ms: int = 0
) -> list[PriceMoved]:
    return list(prices.take(first, Instant(wall), interval_ms))


def frame(symbol: Symbol, last: str, at: int, mark: str = "1") -> PriceFrame:
    return PriceFrame(symbol, Price(Decimal(last)), Price(Decimal(mark)), Instant(at))


def test_the_newest_price_of_each_symbol_is_told() -> None:
    prices = Conflation()
    for heard in (frame(ETH, "1", 1), frame(BTC, "1", 2), frame(BTC, "2", 3)):
        note(prices, heard)
    assert [(p.symbol, str(p.last), p.at) for p in take(prices)] == [(ETH, "1", 1), (BTC, "2", 3)]
    assert take(prices) == []


def test_held_symbols_are_told_first() -> None:
    prices = Conflation()
    note(prices, frame(ETH, "1", 1))
    note(prices, frame(BTC, "1", 2))
    assert [p.symbol for p in take(prices, frozenset({BTC}))] == [BTC, ETH]


def test_an_unchanged_price_is_not_repeated() -> None:
    prices = Conflation()
    note(prices, frame(BTC, "1", 1))
    take(prices)
    note(prices, frame(BTC, "1.0", 2))
    assert take(prices) == []
    note(prices, frame(BTC, "1", 3, mark="2"))
    assert len(take(prices)) == 1


def test_a_price_that_came_back_before_it_was_told_is_not_told() -> None:
    prices = Conflation()
    note(prices, frame(BTC, "1", 1))
    take(prices)
    note(prices, frame(BTC, "2", 2))
    note(prices, frame(BTC, "1", 3))
    assert take(prices) == []


def test_a_forgotten_symbol_is_told_anew() -> None:
    prices = Conflation()
    note(prices, frame(BTC, "1", 1))
    take(prices)
    prices.forget(BTC)
    note(prices, frame(BTC, "1", 2))
    assert len(take(prices)) == 1


def test_the_same_price_at_the_same_moment_has_the_same_id() -> None:
    assert as_message(frame(BTC, "1", 1)).id == as_message(frame(BTC, "1", 1)).id
    assert as_message(frame(BTC, "1", 1)).id != as_message(frame(BTC, "1", 2)).id


def paced(prices: Conflation, wall: int) -> list[str]:
    """What is told at this moment, as symbol and price."""
    return [f"{p.symbol} {p.last}" for p in take(prices, wall=wall, interval_ms=INTERVAL_MS)]


def test_a_symbol_that_was_silent_is_told_at_once_whatever_the_others_do() -> None:
    prices = Conflation()
    note(prices, frame(BTC, "1", 1), wall=1_000)
    assert paced(prices, 1_000) == ["BTCUSDT 1"]
    note(prices, frame(BTC, "2", 2), wall=1_001)
    note(prices, frame(ETH, "1", 2), wall=1_002)
    assert paced(prices, 1_002) == ["ETHUSDT 1"]


def test_a_symbol_is_told_again_when_its_interval_is_over_with_the_newest_price() -> None:
    prices = Conflation()
    told = []
    for price in range(1, 500):  # one a millisecond: the second may be anticipated, the others may not
        note(prices, frame(BTC, str(price), price), wall=1_000 + price)
        told += [(price, text) for text in paced(prices, 1_000 + price)]
    assert told == [(price, f"BTCUSDT {price}") for price in (1, 51, 151, 251, 351, 451)]
    assert prices.waits
    assert paced(prices, 1_551) == ["BTCUSDT 499"]
    assert not prices.waits


def test_a_venue_that_speaks_as_often_as_it_may_is_told_every_time_however_late_we_look() -> None:
    prices, told = Conflation(), []
    for turn in range(50):
        note(prices, frame(BTC, str(turn + 1), turn), wall=turn * INTERVAL_MS)
        told += paced(prices, turn * INTERVAL_MS + 5)
    assert len(told) == 50


def test_one_late_price_does_not_hold_back_those_that_follow() -> None:
    prices = Conflation()
    for turn in range(50):
        wall = turn * INTERVAL_MS + (40 if turn == 5 else 0)
        note(prices, frame(BTC, str(turn + 1), turn), wall=wall)
        assert paced(prices, wall) == [f"BTCUSDT {turn + 1}"]


def test_nobody_is_told_more_often_than_the_interval_allows() -> None:
    prices, told = Conflation(), 0
    for wall in range(1_000, 2_000):
        note(prices, frame(BTC, str(wall + 1), wall), wall=wall)
        told += len(paced(prices, wall))
    assert told == 1_000 // INTERVAL_MS + 1


@pytest.mark.parametrize("wrong", ["0", "-1", "1e15", "NaN", "Infinity"])
def test_a_price_that_cannot_be_is_told_to_nobody_and_counted(wrong: str) -> None:
    prices = Conflation()
    note(prices, frame(BTC, wrong, 1))
    note(prices, frame(BTC, "1", 2, mark=wrong))
    assert take(prices) == []
    assert prices.refused == 2
    note(prices, frame(BTC, "1", 3))
    assert [price.last for price in take(prices)] == [1]
