from decimal import Decimal as D

import pytest

from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Price, Qty
from services.paper_exchange.core.market import Bar
from services.paper_exchange.core.spread import LEAST, MOST, half_spread, quote
from tests.support.scripted_market import instrument


def bar(reach: str, *, closed: bool = True) -> Bar:
    """A candle at 100 that spans `reach`."""
    high = Price(D(100) + D(reach))
    return Bar(Instant(0), Price(D(100)), high, Price(D(100)), Price(D(100)), Qty(D(1)), D(100), closed)


@pytest.mark.parametrize(("reach", "half"), [("0", LEAST), ("1", D("0.0002")), ("50", MOST)])
def test_a_wild_market_is_wide_within_bounds(reach: str, half: D) -> None:
    assert half_spread([bar(reach)]) == half


def test_a_market_without_history_is_as_narrow_as_can_be_and_a_forming_candle_does_not_count() -> None:
    assert half_spread([]) == half_spread([bar("1", closed=False)]) == LEAST


def test_bid_and_ask_are_on_the_tick_and_at_least_one_apart() -> None:
    found = quote(Price(D("100.0")), LEAST, instrument())
    assert (found.bid, found.ask) == (D("99.9"), D("100.1"))
    assert (found.taken(Action.BUY), found.taken(Action.SELL), found.mark) == (found.ask, found.bid, D(100))


def test_a_price_of_one_tick_still_has_a_bid() -> None:
    assert quote(Price(D("0.1")), MOST, instrument()).bid == D("0.1")
