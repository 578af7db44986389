from decimal import Decimal as D

import pytest

from libs.common.exchange.trading_types import Action
from libs.common.units import Fraction, Instant, Price, Qty, Side, Usd
from services.paper_exchange.core.position import (
    Position,
    bankruptcy_price,
    liquidation_price,
    settle,
    unrealised,
)
from tests.support.scripted_market import BTC, instrument

LONG = Position(
    BTC, Fraction(D(10)), Side.LONG, Qty(D(2)), Usd(D(200)), Price(D(90)), entry_fees=Usd(D(2)), funding=Usd(D(1))
)


def test_a_fill_on_its_side_grows_it_and_keeps_its_stop() -> None:
    after = settle(LONG, Action.BUY, Qty(D(1)), Price(D(130)), Usd(D("0.5")), Instant(5)).position
    assert (after.size, after.cost, after.entry, after.stop) == (D(3), D(330), D(110), D(90))
    assert after.entry_fees == D("2.5")


def test_a_fill_against_it_realises_profit_and_releases_its_share() -> None:
    settled = settle(LONG, Action.SELL, Qty(D(1)), Price(D(110)), Usd(D("0.5")), Instant(5))
    assert (settled.closed, settled.gross, settled.released) == (D(1), D(10), D(100))
    assert (settled.entry_fees, settled.exit_fees, settled.funding) == (D(1), D("0.5"), D("0.5"))
    assert (settled.position.size, settled.position.entry, settled.position.stop) == (D(1), D(100), D(90))


def test_the_last_fill_leaves_it_flat_without_a_stop() -> None:
    after = settle(LONG, Action.SELL, Qty(D(2)), Price(D(110)), Usd(D(0)), Instant(5)).position
    assert (after.side, after.size, after.cost, after.stop) == (None, D(0), D(0), None)


def test_more_than_it_holds_turns_it_at_the_fill_s_price() -> None:
    settled = settle(LONG, Action.SELL, Qty(D(5)), Price(D(110)), Usd(D(5)), Instant(7))
    after = settled.position
    assert (after.side, after.size, after.entry, after.opened_at) == (Side.SHORT, D(3), D(110), Instant(7))
    assert (settled.gross, settled.exit_fees, after.entry_fees) == (D(20), D(2), D(3))


@pytest.mark.parametrize(("side", "liquidation", "bankruptcy"), [(Side.LONG, "91", "90"), (Side.SHORT, "109", "110")])
def test_the_margin_runs_out_before_the_price_of_ruin(side: Side, liquidation: str, bankruptcy: str) -> None:
    held = Position(BTC, Fraction(D(10)), side, Qty(D(2)), Usd(D(200)))
    assert liquidation_price(held, instrument()) == D(liquidation)
    assert bankruptcy_price(held) == D(bankruptcy)


def test_profit_that_is_not_taken_is_by_price_alone() -> None:
    assert unrealised(LONG, Price(D(110))) == D(20)
    assert unrealised(Position(BTC), Price(D(110))) == 0
    assert liquidation_price(Position(BTC), instrument()) is None
