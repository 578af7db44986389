from decimal import Decimal as D

import pytest

from libs.common.units import Side, Symbol
from services.paper_exchange.core.books.shelves import Shelves, resting
from tests.support.scripted_market import BTC
from tests.support.trading_floor import BTC_ONLY, Floor


def floor() -> Floor:
    """Two orders that rest, a position with a stop, an order that waits and one that may only reduce."""
    made = Floor()
    made.buys("1", stopLoss="50")
    made.buys("1", orderType="Limit", price="95")
    made.sells("2", orderType="Limit", price="105")
    made.buys("1", triggerPrice="110", triggerDirection="1")
    made.sells("1", orderType="Limit", price="108", reduceOnly=True)
    return made


def test_every_order_is_on_its_symbols_shelf_oldest_first() -> None:
    shelves = floor().books.orders
    kept = list(shelves.of(BTC).values())
    assert [order.seq for order in kept] == sorted(order.seq for order in kept)
    assert (len(kept), shelves.all(), dict(shelves.of(Symbol("NOSUCHUSDT")))) == (5, kept, {})


def test_only_what_belongs_to_a_position_guards_it() -> None:
    (stop,) = floor().books.orders.guards(BTC_ONLY)
    assert stop.trigger == 50


def test_only_what_rests_and_may_open_is_in_the_queue() -> None:
    shelves = floor().books.orders
    queue = shelves.queue(BTC_ONLY)
    assert (queue.opening(Side.LONG, D(0)), queue.opening(Side.SHORT, D(0))) == (D(95), D(210))


def test_what_left_is_nowhere() -> None:
    made = floor()
    for order in made.books.open_orders():
        if made.books.is_open(order):
            made.asks("order/cancel", orderId=order.order_id)
    shelves = made.books.orders
    assert (shelves.all(), shelves.guards(BTC_ONLY), len(shelves.queue(BTC_ONLY))) == ([], [], 0)


@pytest.mark.parametrize("price", ["95", "90"])
def test_shelves_are_a_function_of_the_open_orders(price: str) -> None:
    made = floor()
    made.buys("3", orderType="Limit", price=price)
    kept, again = made.books.orders, Shelves(made.books.open_orders())
    for held in (D(0), D("1.5"), D(-2)):
        for side in Side:
            assert kept.queue(BTC_ONLY).opening(side, held) == again.queue(BTC_ONLY).opening(side, held)
    assert again.guards(BTC_ONLY) == kept.guards(BTC_ONLY)


def test_an_order_that_is_gone_holds_nothing() -> None:
    assert resting(None) is None
