from decimal import Decimal

from libs.common.contracts.orders import (
    OrderCancelled,
    OrderFilled,
    OrderMessage,
    OrderRefused,
    OrderSubmitted,
    OrderUnknown,
)
from libs.common.units import HOUR_MS, Instant, Qty, Side, Symbol
from services.fetcher.core.busy import Busy
from tests.support.venue_candles import BTC, MORNING

ETH = Symbol("ETHUSDT")


def order(
    schema: type[OrderMessage], symbol: Symbol, *, purpose: str = "e", filled: int = 0, at: int = MORNING
) -> OrderMessage:
    return schema(
        id="x",
        cause="",
        trace="",
        at=Instant(at),
        link_id=f"{symbol}-{purpose}",
        symbol=symbol,
        side=Side.LONG,
        purpose=purpose,
        qty=Qty(Decimal(1)),
        filled=Qty(Decimal(filled)),
        average=None,
        reason="",
    )


def test_a_symbol_is_busy_from_its_entry_to_the_end_of_its_position() -> None:
    busy = Busy()
    busy.ordered(order(OrderSubmitted, BTC))
    assert busy.symbols == {BTC}
    busy.ordered(order(OrderUnknown, BTC))
    assert busy.symbols == {BTC}
    busy.ordered(order(OrderFilled, BTC, filled=1))
    assert busy.symbols == {BTC}
    busy.closed(BTC)
    assert busy.symbols == frozenset()


def test_an_entry_that_came_to_nothing_leaves_its_symbol() -> None:
    busy = Busy()
    for schema in (OrderRefused, OrderCancelled):
        busy.ordered(order(OrderSubmitted, BTC))
        busy.ordered(order(schema, BTC))
        assert busy.symbols == frozenset()


def test_a_cancelled_entry_that_was_filled_in_part_is_a_position() -> None:
    busy = Busy()
    busy.ordered(order(OrderSubmitted, BTC))
    busy.ordered(order(OrderCancelled, BTC, filled=1))
    assert busy.symbols == {BTC}


def test_exits_make_nothing_busy() -> None:
    busy = Busy()
    busy.ordered(order(OrderSubmitted, BTC, purpose="x1"))
    assert busy.symbols == frozenset()


def test_a_snapshot_is_the_truth_about_positions_and_says_nothing_of_entries() -> None:
    busy = Busy()
    busy.opened(BTC)
    busy.ordered(order(OrderSubmitted, ETH))
    busy.holds([])
    assert busy.symbols == {ETH}


def test_an_entry_whose_end_was_missed_is_forgotten_after_a_market_hour() -> None:
    busy = Busy()
    busy.ordered(order(OrderSubmitted, BTC))
    busy.ordered(order(OrderSubmitted, ETH, at=MORNING + HOUR_MS))
    assert busy.symbols == {ETH}
