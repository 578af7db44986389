"""The executor's own adapter against the paper exchange: what it writes is understood, what it reads is there."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from libs.common.clock import SystemClock
from libs.common.errors import Transient
from libs.common.exchange.ccxt_trading import CcxtTrading
from libs.common.exchange.trading_types import (
    Accepted,
    Action,
    ExecutionFrame,
    ExecutionType,
    Exists,
    OrderFrame,
    OrderRequest,
    OrderStatus,
    PositionFrame,
    RefusedForGood,
    RefusedForNow,
    Stamp,
    StreamUp,
    Unchanged,
    WalletFrame,
)
from libs.common.ids import OrderLinkId
from libs.common.units import HOUR_MS, Fraction, Instant, Price, Qty, Symbol, floor_to
from tests.support.paper_venue import KEY, SECRET, PaperVenue, paper_venue

pytestmark = pytest.mark.anyio
BTC = Symbol("BTCUSDT")
ENTRY = OrderLinkId("ika-BTCUSDT-1abc-e")
EXIT = OrderLinkId("ika-BTCUSDT-1abc-x1")
SIZE = Qty(Decimal("0.002"))


@dataclass
class Hand:
    trading: CcxtTrading
    venue: PaperVenue

    def stamp(self, *, late_ms: int = 0) -> Stamp:
        return Stamp(Instant(SystemClock().now() - late_ms), 3_000)

    def stop(self, part: str = "0.95") -> Price:
        return Price(floor_to(self.venue.price(BTC) * Decimal(part), Decimal("0.1")))

    def entry(self) -> OrderRequest:
        return OrderRequest(BTC, Action.BUY, SIZE, ENTRY, False, self.stop())

    async def enters(self) -> None:
        assert isinstance(await self.trading.create_order(self.entry(), self.stamp()), Accepted)

    async def exits(self) -> None:
        request = OrderRequest(BTC, Action.SELL, SIZE, EXIT, True, None)
        assert isinstance(await self.trading.create_order(request, self.stamp()), Accepted)


@pytest.fixture
async def hand(tmp_path: Path) -> AsyncIterator[Hand]:
    async with paper_venue(tmp_path) as venue:
        trading = CcxtTrading(venue.endpoint, SystemClock(), Random(1), key=KEY, secret=SECRET)
        await trading.server_time()
        yield Hand(trading, venue)
        await trading.close()


async def test_an_entry_is_a_position_with_its_stop_and_a_fill_with_its_fee(hand: Hand) -> None:
    await hand.enters()
    [position] = await hand.trading.positions()
    assert (position.symbol, position.qty, position.stop) == (BTC, SIZE, hand.stop())
    [execution] = (await hand.trading.executions(since=hand.venue.world.market.start)).executions
    assert (execution.link_id, execution.qty, execution.kind) == (ENTRY, SIZE, ExecutionType.TRADE)
    assert execution.fee == Decimal(str(execution.price)) * SIZE * Decimal("0.00055")
    found = await hand.trading.find_order(BTC, ENTRY)
    assert found is not None
    assert (found.status, found.filled) == (OrderStatus.FILLED, SIZE)


async def test_the_same_id_again_exists(hand: Hand) -> None:
    await hand.enters()
    assert isinstance(await hand.trading.create_order(hand.entry(), hand.stamp()), Exists)


async def test_a_late_request_is_refused_and_nothing_happens(hand: Hand) -> None:
    outcome = await hand.trading.create_order(hand.entry(), hand.stamp(late_ms=3_500))
    assert isinstance(outcome, RefusedForNow)
    assert outcome.code == 10002
    assert await hand.trading.positions() == []


@pytest.mark.parametrize("ahead_ms", [1_800, -4_800])
async def test_a_clock_that_is_wrong_is_measured_and_every_request_dated_right(hand: Hand, ahead_ms: int) -> None:
    """ccxt#24981, pybit#191, pybit#232: 10002 for ever, and a wider window does not help a clock that is fast."""
    await hand.venue.fault("clock", offset_ms=-ahead_ms)
    wide = Stamp(SystemClock().now(), 60_000 if ahead_ms > 0 else 3_000)
    outcome = await hand.trading.create_order(hand.entry(), wide)
    assert isinstance(outcome, RefusedForNow)
    assert outcome.code == 10002
    await hand.trading.server_time()
    assert abs(hand.trading.clock_offset_ms + ahead_ms) < 1_000
    assert isinstance(await hand.trading.create_order(hand.entry(), hand.stamp()), Accepted)


async def test_whoever_is_refused_for_his_date_measures_the_clock_anew(hand: Hand) -> None:
    """What was measured while the venue's clock was off must not date every request wrongly when it is right again."""
    await hand.venue.fault("clock", offset_ms=1_800)
    await hand.trading.server_time()
    assert (await hand.venue.http.delete("/paper/v1/faults")).status_code == 200
    with pytest.raises(Transient, match="10002"):
        await hand.trading.positions()
    assert await hand.trading.positions() == []
    assert abs(hand.trading.clock_offset_ms) < 1_000


async def test_a_stop_is_moved_in_place(hand: Hand) -> None:
    await hand.enters()
    [before] = await hand.trading.open_orders()
    assert isinstance(await hand.trading.set_stop(BTC, hand.stop("0.97"), hand.stamp()), Accepted)
    assert isinstance(await hand.trading.set_stop(BTC, hand.stop("0.97"), hand.stamp()), Unchanged)
    assert isinstance(await hand.trading.set_stop(BTC, hand.stop("1.01"), hand.stamp()), RefusedForGood)
    [after] = await hand.trading.open_orders()
    assert (after.order_id, after.trigger) == (before.order_id, hand.stop("0.97"))


async def test_a_closed_position_has_a_closed_profit_that_is_its_fills(hand: Hand) -> None:
    await hand.enters()
    await hand.exits()
    assert await hand.trading.positions() == []
    start = hand.venue.world.market.start
    fills = (await hand.trading.executions(since=start)).executions
    signed = sum((f.qty * f.price * (1 if f.action is Action.SELL else -1) for f in fills), Decimal(0))
    [closed] = await hand.trading.closed_pnl(BTC, since=start)
    assert closed.pnl == signed - sum((f.fee for f in fills), Decimal(0))
    assert (await hand.trading.wallet()).balance == 1000 + closed.pnl


async def test_leverage_is_set_once(hand: Hand) -> None:
    assert isinstance(await hand.trading.set_leverage(BTC, Fraction(Decimal(5)), hand.stamp()), Accepted)
    assert isinstance(await hand.trading.set_leverage(BTC, Fraction(Decimal(5)), hand.stamp()), Unchanged)


async def test_funding_is_a_row_among_the_executions(hand: Hand) -> None:
    await hand.enters()
    await hand.venue.steps(8 * HOUR_MS)
    page = await hand.trading.executions(since=hand.venue.world.market.start)
    funding = [each for each in page.executions if each.kind is ExecutionType.FUNDING]
    assert funding
    assert all(each.qty == SIZE for each in funding)


async def test_a_fill_is_told_on_the_private_stream_in_order(hand: Hand) -> None:
    told: list[object] = []

    async def listen() -> None:
        async for event in hand.trading.private():
            told.append(event)
            if isinstance(event, StreamUp):
                await hand.enters()
            if isinstance(event, WalletFrame):
                return

    await asyncio.wait_for(listen(), 20)
    kinds = [type(each) for each in told]
    assert kinds[0] is StreamUp
    frames = [kind for kind in kinds if kind in {OrderFrame, ExecutionFrame, PositionFrame, WalletFrame}]
    assert frames == [OrderFrame, OrderFrame, ExecutionFrame, OrderFrame, PositionFrame, WalletFrame]
