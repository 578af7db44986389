from decimal import ROUND_HALF_UP, Context, localcontext
from decimal import Decimal as D

import pytest

from libs.common.units import Side
from services.postmortem.core.summary import equity_lost, first_risk, rounded, summarise
from tests.support.trades import trade


def test_a_loss_is_told_in_money_per_cent_margin_risk_and_hours() -> None:
    told = summarise(trade())
    assert told.pnl_usd == D("-2.1")
    assert (told.pnl_percentage, told.roe_percentage, told.r) == (D("-2.1000"), D("-10.5000"), D("-1.0500"))
    assert told.duration_hours == 2


@pytest.mark.parametrize(
    ("side", "initial_stop", "risk"),
    [
        (Side.LONG, "98", "2"),
        (Side.SHORT, "103", "3"),
        (Side.LONG, None, None),
        (Side.LONG, "101", None),
        (Side.SHORT, "100", None),
    ],
)
def test_the_first_risk_is_known_only_with_a_first_stop_on_the_losing_side(
    side: Side, initial_stop: str | None, risk: str | None
) -> None:
    assert first_risk(trade(side=side, initial_stop=initial_stop)) == (None if risk is None else D(risk))


def test_a_ratio_over_something_unknown_is_none() -> None:
    told = summarise(trade(margin="0", initial_stop=None))
    assert (told.roe_percentage, told.r) == (None, None)
    assert equity_lost(trade(equity=None)) is None
    assert equity_lost(trade(equity="0")) is None


def test_the_equity_lost_is_a_fraction_of_the_equity_at_entry() -> None:
    assert equity_lost(trade(equity="210")) == D("0.0100")


def test_a_library_that_changes_the_rounding_of_the_process_changes_no_report() -> None:
    with localcontext(Context(rounding=ROUND_HALF_UP)):
        assert rounded(D("0.00005")) == D("0.0000")


def test_ratios_are_rounded_half_to_even_at_four_places() -> None:
    assert rounded(D("0.00005")) == D("0.0000")
    assert rounded(D("0.00015")) == D("0.0002")
