from decimal import Decimal
from typing import Any

import pytest

from libs.common.contracts.trades import CloseReason
from libs.common.exchange.trading_types import ExecutionType
from libs.common.units import Price
from services.executor.core.position import fold
from services.executor.core.trades import Ending, close_reason, exits, trade
from tests.support import builders
from tests.support.executions import SELL, closes, execution, funds, opens

D = Decimal
STOPPED = {"create_type": "CreateByStopLoss", "stop_order_type": "StopLoss"}


def ending(*, stop: str = "98", first: str = "98", asked: CloseReason | None = None) -> Ending:
    position = builders.open_position(stop=Price(D(stop)), initial_stop=Price(D(first)))
    return Ending(position, asked, None, 0, "trace")


@pytest.mark.parametrize(
    ("said", "known", "reason"),
    [
        (STOPPED, ending(), CloseReason.STOP_LOSS),
        (STOPPED, ending(stop="99"), CloseReason.TRAILING),
        ({"create_type": "CreateByTrailingStop"}, ending(), CloseReason.TRAILING),
        (
            {"create_type": "CreateByTakeOver_PassThrough", "kind": ExecutionType.BUST},
            ending(),
            CloseReason.LIQUIDATION,
        ),
        ({"create_type": "CreateByLiq"}, ending(), CloseReason.LIQUIDATION),
        ({"kind": ExecutionType.ADL}, ending(), CloseReason.LIQUIDATION),
        ({"link_id": "ika-BTCUSDT-hfh8g0-x1"}, ending(asked=CloseReason.FLATTEN), CloseReason.FLATTEN),
        ({"link_id": "ika-BTCUSDT-hfh8g0-x1"}, ending(), CloseReason.MANUAL),
        ({"link_id": "ika-BTCUSDT-hfh8g0-p1a1"}, ending(), CloseReason.PARTIAL),
        ({}, ending(), CloseReason.EXTERNAL),
        ({}, ending(asked=CloseReason.SIGNAL), CloseReason.EXTERNAL),  # a hand was faster than our exit
    ],
)
def test_the_last_fill_tells_why_it_ended(said: dict[str, Any], known: Ending, reason: CloseReason) -> None:
    assert close_reason(execution(9, SELL, "1", "100", **said), known) is reason


def test_a_trade_is_the_venues_figures_added_up() -> None:
    rows = [opens(1, "2", "100"), funds(2, "0.25"), closes(3, "1", "104"), closes(4, "1", "97", **STOPPED)]
    closed = trade(fold(rows).trips[0], ending(), {})
    assert (closed.gross, closed.fees, closed.funding) == (D(1), D("0.3"), D("0.25"))
    assert closed.pnl_usd == D("0.45")
    assert (closed.entry_price, closed.exit_price) == (D(100), D("100.5"))
    assert (closed.opened_at, closed.closed_at) == (1_000, 4_000)
    assert closed.close_reason is CloseReason.STOP_LOSS
    assert closed.trade_id == closed.cause == "ika-BTCUSDT-hfh8g0-e"


def test_the_fills_of_one_exit_order_are_one_exit() -> None:
    rows = [
        opens(1, "3", "100"),
        closes(2, "1", "110", order_id="x", link_id="ika-BTCUSDT-hfh8g0-x1"),
        closes(3, "1", "112", order_id="x", link_id="ika-BTCUSDT-hfh8g0-x1"),
        closes(4, "1", "90"),
    ]
    merged = exits(fold(rows).trips[0], {"ika-BTCUSDT-hfh8g0-x1": "held for 48 h"})
    assert [(e.qty, e.price, e.gross, e.reason) for e in merged] == [
        (D(2), D(111), D(22), "held for 48 h"),
        (D(1), D(90), D(-10), "CreateByUser"),
    ]


def test_the_same_trade_has_the_same_id() -> None:
    [trip] = fold([opens(1, "1", "100"), closes(2, "1", "90")]).trips
    assert trade(trip, ending(), {}) == trade(trip, ending(), {})
