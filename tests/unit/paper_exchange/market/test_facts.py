from decimal import Decimal

import pytest

from libs.common.units import Instant, Symbol
from services.paper_exchange.core.market.facts import contract, qty_step


@pytest.mark.parametrize(
    ("price", "step"), [("60000", "0.0001"), ("2500", "0.001"), ("9", "1"), ("0.011", "100"), ("0.0000007", "10000000")]
)
def test_a_step_of_quantity_is_worth_one_to_ten_dollars(price: str, step: str) -> None:
    assert str(qty_step(Decimal(price))) == step


def test_the_largest_market_order_is_a_whole_number_of_steps_and_worth_two_million() -> None:
    facts = contract(Symbol("AUSDT"), tick=Decimal("0.01"), price=Decimal(30), launched=Instant(5))

    assert facts.max_market_qty % facts.qty_step == 0
    assert Decimal(1_990_000) < facts.max_market_qty * 30 <= 2_000_000
    assert [facts.min_qty, facts.min_notional, facts.launched] == [facts.qty_step, 5, 5]


def test_majors_have_more_leverage_than_the_rest() -> None:
    bitcoin, other = (
        contract(Symbol(name), tick=Decimal("0.1"), price=Decimal(100), launched=Instant(0))
        for name in ("BTCUSDT", "AUSDT")
    )

    assert [bitcoin.max_leverage, other.max_leverage] == [100, 50]
