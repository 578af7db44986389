"""What every venue owes to whoever trades there: in memory, and on paper through ccxt."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from libs.common.clock import SystemClock
from libs.common.exchange.trading_types import (
    Accepted,
    Action,
    Execution,
    ExecutionFrame,
    ExecutionType,
    Exists,
    OrderFrame,
    OrderRequest,
    OrderStatus,
    Outcome,
    PositionFrame,
    PrivateEvent,
    RefusedForGood,
    RefusedForNow,
    Stamp,
    StreamUp,
    Unchanged,
    VenuePosition,
    WalletFrame,
)
from libs.common.ids import ENTRY, OrderLinkId, OrderName
from libs.common.units import MINUTE_MS, Fraction, Instant, Qty, Side, Symbol
from tests.contract.exchange.conftest import BTC, Place, below, side_of
from tests.support.waiting import eventually

FEE = Decimal("0.00055")


def link(slot: int = 1, purpose: str = ENTRY) -> OrderLinkId:
    return OrderName(BTC, Instant(slot * MINUTE_MS), purpose).link_id()


def stamp(*, late_ms: int = 0) -> Stamp:
    return Stamp(Instant(SystemClock().now() - late_ms), 3_000)


async def enter(
    place: Place, *, slot: int = 1, qty: str = "0.002", action: Action = Action.BUY, stop: str | None = "0.95"
) -> Outcome:
    price = None if stop is None else below(place.price(), stop)
    request = OrderRequest(BTC, action, Qty(Decimal(qty)), link(slot), False, price)
    return await place.trading.create_order(request, stamp())


async def leave(place: Place, qty: str = "0.002", *, purpose: str = "x1") -> Outcome:
    request = OrderRequest(BTC, Action.SELL, Qty(Decimal(qty)), link(1, purpose), True, None)
    return await place.trading.create_order(request, stamp())


async def position(place: Place) -> VenuePosition:
    [found] = await place.trading.positions()
    return found


async def executions(place: Place) -> list[Execution]:
    """All of them, oldest first."""
    found: list[Execution] = []
    cursor: str | None = None
    while True:
        page = await place.trading.executions(since=place.begun, cursor=cursor)
        assert page.skipped == ()
        found += page.executions
        cursor = page.next_cursor
        if cursor is None:
            return sorted(found, key=lambda execution: (execution.at, execution.seq))


async def test_an_entry_opens_a_position_with_its_stop(place: Place) -> None:
    assert isinstance(await enter(place), Accepted)
    opened = await position(place)
    assert (opened.symbol, opened.side, opened.qty, opened.stop) == (
        BTC,
        Side.LONG,
        Decimal("0.002"),
        below(place.price(), "0.95"),
    )
    assert opened.hedge_index == 0


async def test_a_short_is_a_short(place: Place) -> None:
    assert isinstance(await enter(place, action=Action.SELL, stop="1.05"), Accepted)
    assert (await position(place)).side is Side.SHORT


async def test_the_stop_of_a_position_is_among_the_open_orders(place: Place) -> None:
    """nautilus PR#4411: the list of plain orders was asked, and a live stop was called rejected."""
    await enter(place)
    [stop] = await place.trading.open_orders()
    assert (stop.stop_order_type, stop.status, stop.link_id) == ("StopLoss", OrderStatus.UNTRIGGERED, "")
    assert stop.trigger == below(place.price(), "0.95")


async def test_the_same_id_twice_exists_and_is_entered_once(place: Place) -> None:
    await enter(place)
    assert isinstance(await enter(place), Exists)
    assert (await position(place)).qty == Decimal("0.002")


async def test_an_id_is_spent_for_ever(place: Place) -> None:
    await enter(place)
    await leave(place)
    assert isinstance(await enter(place), Exists)
    assert list(await place.trading.positions()) == []


async def test_a_request_dated_outside_its_window_does_nothing(place: Place) -> None:
    request = OrderRequest(BTC, Action.BUY, Qty(Decimal("0.002")), link(), False, None)
    outcome = await place.trading.create_order(request, stamp(late_ms=3_500))
    assert isinstance(outcome, RefusedForNow)
    assert outcome.code == 10002
    assert list(await place.trading.positions()) == []
    assert await place.trading.find_order(BTC, link()) is None
    assert isinstance(await place.trading.create_order(request, stamp()), Accepted)


async def test_an_order_is_found_by_its_id_when_it_is_over(place: Place) -> None:
    await enter(place)
    found = await place.trading.find_order(BTC, link())
    assert found is not None
    assert (found.link_id, found.status, found.filled, found.action) == (
        link(),
        OrderStatus.FILLED,
        Decimal("0.002"),
        Action.BUY,
    )
    assert found.average is not None


async def test_an_order_that_nobody_placed_is_not_found(place: Place) -> None:
    assert await place.trading.find_order(BTC, link(9)) is None


@pytest.mark.parametrize(
    ("symbol", "qty", "code"), [("BTCUSDT", "0.00001", 10001), ("BTCUSDT", "1", 110007), ("NOSUCHUSDT", "1", 10001)]
)
async def test_what_the_venue_refuses_for_good_has_its_code(place: Place, symbol: str, qty: str, code: int) -> None:
    request = OrderRequest(Symbol(symbol), Action.BUY, Qty(Decimal(qty)), link(), False, None)
    outcome = await place.trading.create_order(request, stamp())
    assert isinstance(outcome, RefusedForGood)
    assert outcome.code == code


async def test_a_reduction_of_nothing_is_refused(place: Place) -> None:
    outcome = await leave(place)
    assert isinstance(outcome, RefusedForGood)
    assert outcome.code == 110017


async def test_a_reduction_never_opens_the_other_side(place: Place) -> None:
    await enter(place)
    assert isinstance(await leave(place, "0.005"), Accepted)
    assert list(await place.trading.positions()) == []


async def test_a_partial_exit_leaves_the_rest_with_its_stop(place: Place) -> None:
    await enter(place, qty="0.003")
    await leave(place, "0.001", purpose="p1a1")
    rest = await position(place)
    assert (rest.qty, rest.stop) == (Decimal("0.002"), below(place.price(), "0.95"))


async def test_a_stop_is_edited_in_place(place: Place) -> None:
    await enter(place)
    [before] = await place.trading.open_orders()
    tighter = below(place.price(), "0.97")
    assert isinstance(await place.trading.set_stop(BTC, tighter, stamp()), Accepted)
    [after] = await place.trading.open_orders()
    assert (after.order_id, after.trigger) == (before.order_id, tighter)
    assert isinstance(await place.trading.set_stop(BTC, tighter, stamp()), Unchanged)


async def test_a_stop_on_the_wrong_side_of_the_market_or_of_nothing_is_refused(place: Place) -> None:
    assert isinstance(await place.trading.set_stop(BTC, below(place.price(), "0.9"), stamp()), RefusedForGood)
    await enter(place)
    outcome = await place.trading.set_stop(BTC, below(place.price(), "1.05"), stamp())
    assert isinstance(outcome, RefusedForGood)
    assert (await position(place)).stop == below(place.price(), "0.95")


async def test_a_late_stop_is_refused(place: Place) -> None:
    await enter(place)
    outcome = await place.trading.set_stop(BTC, below(place.price(), "0.97"), stamp(late_ms=3_500))
    assert isinstance(outcome, RefusedForNow)


async def test_a_stop_that_is_reached_closes_the_position_and_says_so(place: Place) -> None:
    await enter(place, action=Action.SELL, stop="1.003")
    stop = (await position(place)).stop
    assert stop is not None
    await place.reaches(stop)
    assert list(await place.trading.positions()) == []
    assert list(await place.trading.open_orders()) == []
    entry, closing = [e for e in await executions(place) if e.kind is ExecutionType.TRADE]
    assert entry.link_id == link()
    assert (closing.link_id, closing.create_type, closing.stop_order_type) == ("", "CreateByStopLoss", "StopLoss")
    assert (closing.action, closing.qty, closing.closed_qty) == (Action.BUY, entry.qty, entry.qty)


async def test_fills_carry_the_venues_fee(place: Place) -> None:
    await enter(place)
    [fill] = await executions(place)
    assert (fill.link_id, fill.kind) == (link(), ExecutionType.TRADE)
    assert (fill.qty, fill.closed_qty) == (Decimal("0.002"), Decimal(0))
    assert fill.fee == fill.qty * fill.price * FEE


async def test_funding_is_an_execution_of_its_own_kind(place: Place) -> None:
    """ccxt#17244, nautilus#4937: funding is a row among the executions, and no fill."""
    await enter(place, stop=None)
    await place.settles_funding()
    funding = [e for e in await executions(place) if e.kind is ExecutionType.FUNDING]
    assert funding
    assert all(row.qty == Decimal("0.002") and row.closed_qty == 0 for row in funding)


async def test_the_balance_is_what_was_realised_less_fees_and_funding(place: Place) -> None:
    before = await place.trading.wallet()
    await enter(place, stop=None)
    await place.settles_funding()
    assert isinstance(await leave(place), Accepted)
    rows = await executions(place)
    fills = [row for row in rows if row.kind is ExecutionType.TRADE]
    gross = -sum((side_of(fill.action) * fill.qty * fill.price for fill in fills), Decimal(0))
    fees = sum((row.fee for row in rows), Decimal(0))
    after = await place.trading.wallet()
    assert after.balance == before.balance + gross - fees
    assert (after.equity, after.position_margin) == (after.balance, Decimal(0))
    [closed] = await place.trading.closed_pnl(BTC, since=place.begun)
    assert closed.closed_qty == Decimal("0.002")


async def test_margin_in_use_is_not_available(place: Place) -> None:
    before = await place.trading.wallet()
    await enter(place)
    after = await place.trading.wallet()
    assert after.position_margin > 0
    assert after.available < before.available


async def test_leverage_is_set_once(place: Place) -> None:
    five = Fraction(Decimal(5))
    assert isinstance(await place.trading.set_leverage(BTC, five, stamp()), Accepted)
    assert isinstance(await place.trading.set_leverage(BTC, five, stamp()), Unchanged)
    await enter(place)
    assert (await position(place)).leverage == 5


async def test_the_history_has_every_order_in_the_order_of_its_making(place: Place) -> None:
    await enter(place)
    await place.passes(MINUTE_MS)
    await leave(place)
    history = await place.trading.order_history(None, since=place.begun)
    ours = [order for order in history if order.link_id]
    assert [order.link_id for order in ours] == [link(), link(1, "x1")]
    assert [order.status for order in ours] == [OrderStatus.FILLED] * 2
    assert [o.link_id for o in await place.trading.order_history(BTC, since=place.now()) if o.link_id] == [
        link(1, "x1")
    ]


async def test_cancelling_what_is_over_is_refused(place: Place) -> None:
    await enter(place)
    outcome = await place.trading.cancel_order(BTC, link(), stamp())
    assert isinstance(outcome, RefusedForGood)


async def test_the_key_may_trade_and_not_withdraw(place: Place) -> None:
    facts = await place.trading.key_facts()
    assert (facts.read_only, facts.may_withdraw) == (False, False)


async def test_the_venues_clock_is_a_wall_clock(place: Place) -> None:
    assert abs(await place.trading.server_time() - SystemClock().now()) < 60_000


@asynccontextmanager
async def listening(place: Place) -> AsyncIterator[list[PrivateEvent]]:
    """Collect private events from StreamUp on."""
    heard: list[PrivateEvent] = []
    up = asyncio.Event()

    async def listen() -> None:
        async for event in place.trading.private():
            heard.append(event)
            up.set()

    task = asyncio.create_task(listen())
    async with asyncio.timeout(20):
        await up.wait()
    yield heard
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def heard_wallet(heard: list[PrivateEvent]) -> None:
    async def is_heard() -> bool:
        return any(isinstance(event, WalletFrame) for event in heard)

    await eventually(is_heard)


async def test_a_fill_is_told_as_order_execution_position_and_wallet(place: Place) -> None:
    async with listening(place) as heard:
        assert heard == [StreamUp()]
        await enter(place)
        await heard_wallet(heard)
    executions = [event.execution for event in heard if isinstance(event, ExecutionFrame)]
    orders = [event.order for event in heard if isinstance(event, OrderFrame)]
    [moved] = [event.position for event in heard if isinstance(event, PositionFrame)]
    assert [(e.link_id, e.qty) for e in executions] == [(link(), Decimal("0.002"))]
    assert orders[0].link_id == link()
    assert any(order.status is OrderStatus.FILLED for order in orders)
    assert moved is not None
    assert moved.stop == below(place.price(), "0.95")


async def test_a_position_that_is_flat_is_told_as_none(place: Place) -> None:
    await enter(place)
    async with listening(place) as heard:
        await leave(place)
        await heard_wallet(heard)
    frames = [event for event in heard if isinstance(event, PositionFrame)]
    assert (frames[-1].symbol, frames[-1].position) == (BTC, None)
