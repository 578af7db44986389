"""The profit of a closed position, by hand: price difference less both fees, and less the funding in between."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from libs.common.exchange.trading_types import Action
from libs.common.units import Instant, Price, Qty, Usd
from services.paper_exchange.core.books.position import Position, settle
from tests.support.scripted_market import BTC


@pytest.mark.parametrize(
    ("opens", "entry_value", "exit_value", "rate", "funding", "pnl"),
    [
        (Action.BUY, "3584.9255", "3541.795", "0.0006", "0", "-47.4065323"),  # the venue's sample, there -47.40653
        (Action.SELL, "3584.9255", "3541.795", "0.0006", "0", "38.8544677"),
        (Action.BUY, "3584.9255", "3541.795", "0.0006", "1.5", "-48.9065323"),
        (Action.SELL, "1000", "900", "0.00055", "-2", "100.955"),
        (Action.BUY, "1000", "1000", "0.0002", "0", "-0.4"),
    ],
)
def test_a_round_trip_earns_its_gross_less_fees_and_funding(
    opens: Action, entry_value: str, exit_value: str, rate: str, funding: str, pnl: str
) -> None:
    size, entry, out, fee = Qty(D("0.5")), D(entry_value), D(exit_value), D(rate)
    opened = settle(Position(BTC), opens, size, Price(entry / size), Usd(entry * fee), Instant(0)).position
    held = replace(opened, funding=Usd(D(funding)))
    closes = Action.SELL if opens is Action.BUY else Action.BUY
    done = settle(held, closes, size, Price(out / size), Usd(out * fee), Instant(1))
    assert done.gross - done.entry_fees - done.exit_fees - done.funding == D(pnl)
