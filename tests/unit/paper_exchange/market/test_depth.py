from decimal import Decimal as D

import pytest

from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Price, Qty
from services.paper_exchange.core.market.depth import (
    LEAST,
    MOST,
    Level,
    Quote,
    Sides,
    Temper,
    half_spread,
    quote,
    seen_quote,
    temper,
)
from services.paper_exchange.core.market.market import Bar
from tests.support.scripted_market import instrument


def bar(reach: str, *, closed: bool = True, volume: str = "1") -> Bar:
    """A candle at 100 that spans `reach`."""
    high = Price(D(100) + D(reach))
    return Bar(Instant(0), Price(D(100)), high, Price(D(100)), Price(D(100)), Qty(D(volume)), D(100), closed)


@pytest.mark.parametrize(("reach", "half"), [("0", LEAST), ("1", D("0.0002")), ("50", MOST)])
def test_a_wild_market_is_wide_within_bounds(reach: str, half: D) -> None:
    assert half_spread([bar(reach)]) == half


def test_a_market_without_history_is_as_narrow_as_can_be_and_a_forming_candle_does_not_count() -> None:
    assert half_spread([]) == half_spread([bar("1", closed=False)]) == LEAST


def at(price: str, how: Temper) -> Quote:
    return quote(Price(D(price)), Price(D(price)), how, instrument())


def test_bid_and_ask_are_on_the_tick_and_at_least_one_apart() -> None:
    found = at("100.0", temper([]))
    assert (found.bid, found.ask) == (D("99.9"), D("100.1"))
    assert (found.touch(Action.BUY), found.touch(Action.SELL), found.mark) == (found.ask, found.bid, D(100))


def test_a_price_of_one_tick_still_has_a_bid_and_the_ladder_ends_there() -> None:
    found = at("0.1", Temper(MOST, D(0)))
    assert found.bid == D("0.1")
    assert [level.price for level in found.ladder(Action.SELL)] == [D("0.1")]


def test_levels_hold_more_the_further_away_they_are() -> None:
    asks = at("100.0", temper([])).levels(Action.BUY, 3)
    assert [level.price for level in asks] == [D("100.1"), D("100.2"), D("100.3")]
    assert [level.qty for level in asks] == [D(50), D(150), D(250)]


def test_a_quarter_hours_volume_moves_the_price_by_about_its_range() -> None:
    busy = bar("2", volume="80000")
    found = at("100.0", temper([busy] * 4))
    within = [level.qty for level in found.ladder(Action.BUY) if level.price <= found.ask + D(2)]
    assert D(80_000) <= sum(within) <= D(90_000)


def seen(*prices: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(Price(D(price)), Qty(D(qty))) for price, qty in prices)


def test_levels_that_were_seen_are_met_as_they_are_and_end_where_they_end() -> None:
    bids, asks = seen(("99", "2"), ("97", "5")), seen(("101", "3"), ("104", "1"))
    found = seen_quote(Price(D(100)), Price(D(100)), Sides(bids, asks))
    assert (found.bid, found.ask, found.gap, found.first) == (D(99), D(101), D(3), D(2))
    assert tuple(found.ladder(Action.BUY)) == asks
    assert tuple(found.levels(Action.SELL, 9)) == bids


def test_a_single_level_a_side_has_the_spread_for_a_gap() -> None:
    found = seen_quote(Price(D(100)), Price(D(100)), Sides(seen(("99", "2")), seen(("101", "3"))))
    assert found.gap == 2
