"""Inferred fills bring a position to the venue's word, and give way to the fills that they stand for."""

from decimal import Decimal

import pytest

from libs.common.exchange.trading_types import Action, Execution
from libs.common.units import Instant, Price, Qty
from services.executor.core.inferred import bridge, is_late_for, without
from tests.support.executions import BUY, SELL, execution
from tests.support.matches import held

D = Decimal


def bridged(to: str) -> Execution:
    """From a long of 2 at instant 1000."""
    done = bridge(held(qty="2"), Qty(D(to)), Price(D(100)), Instant(1_000))
    assert done is not None
    return done


@pytest.mark.parametrize(
    ("to", "action", "qty", "closed"), [("3", "Buy", "1", "0"), ("0.5", "Sell", "1.5", "1.5"), ("0", "Sell", "2", "2")]
)
def test_a_bridge_leads_to_what_the_venue_says(to: str, action: str, qty: str, closed: str) -> None:
    done = bridged(to)
    assert (done.action, done.qty, done.closed_qty) == (action, D(qty), D(closed))


def test_where_nothing_differs_nothing_is_inferred() -> None:
    assert bridge(held(qty="2"), Qty(D(2)), Price(D(100)), Instant(1_000)) is None


@pytest.mark.parametrize(
    ("late", "left"),
    [
        (execution(1, SELL, "1.5", "100"), None),
        (execution(1, SELL, "0.5", "100"), (SELL, D(1), D(1))),
        (execution(1, SELL, "2", "100"), (BUY, D("0.5"), D(0))),
        (execution(1, BUY, "1", "100"), (SELL, D("2.5"), D("2.5"))),
    ],
)
def test_a_late_fill_leaves_only_what_is_still_untold(
    late: Execution, left: tuple[Action, Decimal, Decimal] | None
) -> None:
    rest = without(bridged("0.5"), late)
    assert (rest and (rest.action, rest.qty, rest.closed_qty)) == left


def test_a_fill_from_after_the_venues_word_is_news() -> None:
    assert is_late_for(bridged("0"), execution(1, SELL, "1", "100"))
    assert not is_late_for(bridged("0"), execution(1, SELL, "1", "100", at=Instant(1_001)))
