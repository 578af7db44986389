from decimal import Decimal

import pytest
from pydantic import JsonValue

from services.paper_exchange.core.judging.money_rules import (
    gross_is_price_alone,
    ids_are_unique,
    orders_add_up,
    positions_are_fills,
    reduce_only_reduced,
    wallet_adds_up,
)
from tests.support.audits import EXIT, OURS, books, fill, holds, order, position, request, wallet


def test_whole_books_break_no_rule() -> None:
    read, seen = books()
    rules = [wallet_adds_up(read), gross_is_price_alone(seen), positions_are_fills(read, seen)]
    rules += [reduce_only_reduced(read, seen), orders_add_up(read), ids_are_unique(read)]
    assert [rule.name for rule in rules if not holds(rule)] == []


@pytest.mark.parametrize("name", ["start", "balance", "realised", "fees", "funding"])
def test_a_wallet_that_does_not_add_up_to_the_last_digit_is_found(name: str) -> None:
    wrong = str(Decimal(str(wallet()[name])) + Decimal("1e-8"))
    assert not holds(wallet_adds_up(books(wallet=wallet(**{name: wrong}))[0]))


@pytest.mark.parametrize("gross", ["-9.99999999", "10", "0"])
def test_a_profit_that_the_prices_do_not_make_is_found(gross: str) -> None:
    (told,) = gross_is_price_alone(
        books(fills=[fill(1, "Buy", OURS), fill(2, "Sell", EXIT, gross=gross)])[1]
    ).violations
    assert told.endswith("its prices make -10")


def test_a_position_other_than_its_fills_is_found() -> None:
    (told,) = positions_are_fills(*books(positions=[position("Buy", "1", "95")])).violations
    assert told == "BTCUSDT is 1, its fills add up to 0"


def test_a_wrong_count_of_open_positions_is_found() -> None:
    (told,) = positions_are_fills(*books(open={"positions": 2, "most_positions": 2})).violations
    assert told == "2 are said to be open, 0 are"


def test_the_sides_of_a_hedge_are_two_positions() -> None:
    fills: list[JsonValue] = [fill(1, "Buy", OURS, positionIdx=1), fill(2, "Sell", EXIT, positionIdx=2)]
    rows: list[JsonValue] = [
        position("Buy", "1", "95", positionIdx=1),
        position("Sell", "1", "105", positionIdx=2),
    ]
    assert holds(positions_are_fills(*books(fills=fills, positions=rows, open={"positions": 2, "most_positions": 2})))


def test_a_reduce_only_order_that_opened_is_found() -> None:
    orders: list[JsonValue] = [order(1, OURS, reduceOnly=True), order(2, EXIT)]
    assert reduce_only_reduced(*books(orders=orders)).violations == ("BTCUSDT o1 at 1000",)


@pytest.mark.parametrize(
    "orders",
    [
        [order(1, OURS, cumExecQty="0.5"), order(2, EXIT)],
        [order(1, OURS, "0.5"), order(2, EXIT)],
        [order(1, OURS, "0.5", cumExecQty="1"), order(2, EXIT)],
        [order(1, OURS)],
    ],
    ids=["less than filled", "a smaller order", "more than ordered", "fills of no order"],
)
def test_an_order_that_says_other_than_its_fills_is_found(orders: list[JsonValue]) -> None:
    assert len(orders_add_up(books(orders=orders)[0]).violations) == 1


def test_an_order_id_used_twice_is_found() -> None:
    assert ids_are_unique(books(orders=[order(1, OURS), order(2, OURS)])[0]).violations == (f"{OURS} 2 times",)


def test_a_fill_told_twice_is_found() -> None:
    assert ids_are_unique(books(fills=[fill(1, "Buy", OURS)] * 2)[0]).violations == ("e1 2 times",)


def test_a_creation_accepted_twice_is_found_and_a_refused_one_is_none() -> None:
    twice: list[JsonValue] = [request(1, OURS), request(2, OURS)]
    assert ids_are_unique(books(requests=twice)[0]).violations == (f"{OURS} accepted 2 times",)
    again: list[JsonValue] = [
        request(1, OURS),
        request(2, OURS, retCode=110072),
        request(3, OURS, path="/v5/order/amend"),
    ]
    assert holds(ids_are_unique(books(requests=again)[0]))
