from decimal import Decimal as D

import pytest

from libs.common.exchange.trading_types import ExecutionType
from services.paper_exchange.core.books.changes import OrderChanged
from services.paper_exchange.core.books.order import Creator
from tests.support.scripted_market import ETH
from tests.support.trading_floor import Floor


def cross(balance: str) -> Floor:
    floor = Floor(balance=balance)
    floor.asks("account/set-margin-mode", setMarginMode="REGULAR_MARGIN")
    return floor


@pytest.mark.parametrize(("side", "end"), [("Buy", "80"), ("Sell", "120")])
def test_an_isolated_position_never_costs_more_than_it_held(side: str, end: str) -> None:
    floor = Floor()
    floor.orders(side, "1")
    held = floor.position.cost / 10
    floor.moves(end)
    bust = floor.fills[-1]
    assert (bust.kind, bust.creator, floor.position.side) == (ExecutionType.BUST, Creator.TAKE_OVER, None)
    assert D(0) < -bust.gross <= held


def test_a_liquidation_cancels_what_was_ordered_in_its_symbol_and_leaves_the_others() -> None:
    floor = Floor()
    floor.buys("1")
    floor.buys("1", orderType="Limit", price="60")
    floor.buys("1", symbol=ETH, orderType="Limit", price="9")
    floor.moves("85")
    assert [order.symbol for order in floor.books.open_orders()] == [ETH]
    cancelled = [c.order.cancel_reason.value for c in floor.books.journal if isinstance(c, OrderChanged)]
    assert "CancelAllBeforeLiq" in cancelled


def test_in_cross_margin_the_account_carries_what_an_isolated_position_could_not() -> None:
    floor = cross("1000")
    floor.buys("1")
    floor.moves("60")
    assert floor.position.size == 1


def test_a_failed_cross_account_loses_everything_and_not_more() -> None:
    floor = cross("60")
    floor.buys("3")
    floor.sells("10", symbol=ETH)
    floor.moves("95", "79")
    assert floor.books.open_positions() == []
    assert {fill.kind for fill in floor.fills[2:]} == {ExecutionType.BUST}
    assert D(0) <= floor.books.totals.balance < 4
