from decimal import Decimal

import pytest

from libs.common.exchange.market_types import PriceFrame
from libs.common.units import Instant, Price, Symbol
from services.fetcher.core.prices import Conflation, as_message

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")
NOBODY: frozenset[Symbol] = frozenset()


def frame(symbol: Symbol, last: str, at: int, mark: str = "1") -> PriceFrame:
    return PriceFrame(symbol, Price(Decimal(last)), Price(Decimal(mark)), Instant(at))


def test_the_newest_price_of_each_symbol_is_told() -> None:
    prices = Conflation()
    for heard in (frame(ETH, "1", 1), frame(BTC, "1", 2), frame(BTC, "2", 3)):
        prices.note(heard)
    assert [(p.symbol, str(p.last), p.at) for p in prices.take(NOBODY)] == [(ETH, "1", 1), (BTC, "2", 3)]
    assert prices.take(NOBODY) == []


def test_held_symbols_are_told_first() -> None:
    prices = Conflation()
    prices.note(frame(ETH, "1", 1))
    prices.note(frame(BTC, "1", 2))
    assert [p.symbol for p in prices.take(frozenset({BTC}))] == [BTC, ETH]


def test_an_unchanged_price_is_not_repeated() -> None:
    prices = Conflation()
    prices.note(frame(BTC, "1", 1))
    prices.take(NOBODY)
    prices.note(frame(BTC, "1.0", 2))
    assert prices.take(NOBODY) == []
    prices.note(frame(BTC, "1", 3, mark="2"))
    assert len(prices.take(NOBODY)) == 1


def test_a_price_that_came_back_before_it_was_told_is_not_told() -> None:
    prices = Conflation()
    prices.note(frame(BTC, "1", 1))
    prices.take(NOBODY)
    prices.note(frame(BTC, "2", 2))
    prices.note(frame(BTC, "1", 3))
    assert prices.take(NOBODY) == []


def test_a_forgotten_symbol_is_told_anew() -> None:
    prices = Conflation()
    prices.note(frame(BTC, "1", 1))
    prices.take(NOBODY)
    prices.forget(BTC)
    prices.note(frame(BTC, "1", 2))
    assert len(prices.take(NOBODY)) == 1


def test_the_same_price_at_the_same_moment_has_the_same_id() -> None:
    assert as_message(frame(BTC, "1", 1)).id == as_message(frame(BTC, "1", 1)).id
    assert as_message(frame(BTC, "1", 1)).id != as_message(frame(BTC, "1", 2)).id


@pytest.mark.parametrize("wrong", ["0", "-1", "1e15", "NaN", "Infinity"])
def test_a_price_that_cannot_be_is_told_to_nobody_and_counted(wrong: str) -> None:
    prices = Conflation()
    prices.note(frame(BTC, wrong, 1))
    prices.note(frame(BTC, "1", 2, mark=wrong))
    assert prices.take(NOBODY) == []
    assert prices.refused == 2
    prices.note(frame(BTC, "1", 3))
    assert [price.last for price in prices.take(NOBODY)] == [1]
