from decimal import Decimal as D

import pytest

from libs.common.units import Fraction, Price, Qty, Side, Usd
from services.paper_exchange.core.margin.order_margin import Queue, Resting, opening_value, order_cost
from services.paper_exchange.core.margin.order_margin import order_margin as margin_of

TAKER = D("0.00055")
TEN = Fraction(D(10))


def buy(qty: str, price: str) -> Resting:
    return Resting(Side.LONG, Qty(D(qty)), Price(D(price)))


def sell(qty: str, price: str) -> Resting:
    return Resting(Side.SHORT, Qty(D(qty)), Price(D(price)))


def cost(orders: list[Resting]) -> D:
    return sum((order_cost(o.side, Usd(o.qty * o.price), TEN, TAKER) for o in orders), D(0))


def order_margin(orders: list[Resting], held: D, leverage: Fraction, taker: D) -> D:
    return margin_of(Queue(orders), held, leverage, taker)


@pytest.mark.parametrize(
    ("order", "holds"),
    [(buy("1", "70000"), "7073.15"), (sell("1", "70000"), "7080.85")],  # 7000 + 38.5 + 0.055 % of 63000 or 77000
)
def test_an_order_holds_its_margin_and_both_fees(order: Resting, holds: str) -> None:
    assert cost([order]) == D(holds)


def test_the_dearer_side_counts_when_flat() -> None:
    orders = [buy("1", "90"), buy("1", "80"), sell("1", "110")]
    assert order_margin(orders, D(0), TEN, TAKER) == cost(orders[:2])
    assert order_margin(orders[1:], D(0), TEN, TAKER) == cost(orders[2:])


SELLS = [sell("1.5", "120"), sell("1.5", "110")]


@pytest.mark.parametrize(
    ("held", "opening"),
    [
        ("3", []),
        ("2", [sell("1", "120")]),  # the nearest to the market closes first
        ("1", [sell("0.5", "110"), sell("1.5", "120")]),
        ("0", SELLS),
        ("-1", SELLS),  # they add to a short
    ],
)
def test_what_closes_the_position_holds_nothing(held: str, opening: list[Resting]) -> None:
    assert order_margin(SELLS, D(held), TEN, TAKER) == cost(opening)


def test_buys_close_a_short_from_the_highest_down() -> None:
    assert order_margin([buy("1", "80"), buy("1", "90")], D(-1), TEN, TAKER) == cost([buy("1", "80")])


def test_a_leg_of_a_hedge_counts_all_that_opens_it() -> None:
    orders = [buy("1", "90"), buy("2", "80")]
    assert order_margin(orders, D(5), TEN, TAKER) == cost(orders)
    assert order_margin([], D(5), TEN, TAKER) == 0


def test_a_queue_that_orders_left_is_as_if_they_had_never_been_in_it() -> None:
    stays, goes = [buy("1", "90"), sell("3", "120")], [buy("1", "90"), buy("2", "0.1"), sell("1.5", "110")]
    queue = Queue([*goes, *stays])
    for order in goes:
        queue.drop(order)
    assert len(queue) == 2
    for held in (D(0), D(2), D("-0.5")):
        assert opening_value(queue, held) == opening_value(Queue(stays), held)


def test_what_happens_to_a_copy_does_not_happen_to_the_queue() -> None:
    queue = Queue([buy("1", "90")])
    queue.copy().add(buy("5", "90"))
    assert opening_value(queue, D(0)) == 90


def test_an_order_that_is_not_there_cannot_be_taken_out() -> None:
    with pytest.raises(KeyError):
        Queue([buy("1", "90")]).drop(buy("1", "91"))
