"""Traps that lie in the wire: a whole executor at the real paper exchange, through the real client."""

from collections.abc import AsyncIterator
from decimal import Decimal as D
from pathlib import Path
from random import Random
from typing import Final

import pytest

from libs.common.budget.local import LocalBudget
from libs.common.clock import SystemClock
from libs.common.contracts.trades import CloseReason
from libs.common.exchange.ccxt_feed import CcxtFeed
from libs.common.exchange.trading_types import Accepted, Action, ExecutionType, OrderRequest, OrderStatus
from libs.common.ids import OrderLinkId
from libs.common.units import HOUR_MS, MINUTE_MS, Price, Qty, Timeframe, floor_to
from services.executor.core.order import OrderState
from services.fetcher.core.candles import closed_of
from tests.support import builders
from tests.support.paper_venue import PaperVenue, paper_venue
from tests.support.trader import EXIT, Trader, trader_at
from tests.support.trading_room import BTC
from tests.support.waiting import eventually
from tests.support.wired_desk import WiredDesk, wired_desk

M15: Final = Timeframe.M15


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[PaperVenue]:
    async with paper_venue(tmp_path / "exchange") as venue:
        yield venue


@pytest.fixture
async def desk(venue: PaperVenue, tmp_path: Path) -> AsyncIterator[WiredDesk]:
    async with wired_desk(venue, tmp_path) as desk:
        yield desk


async def closes(desk: WiredDesk) -> None:
    position = (await desk.opened()).position
    named = {"position_id": position.position_id, "side": position.side, "version": position.version}
    await desk.bus.publish(builders.position_close(**named))


async def agrees_to_the_cent(desk: WiredDesk) -> None:
    """One trade, and it is what the exchange's balance says."""
    trade = await desk.closed()
    assert len(desk.trades()) == 1
    assert (await desk.trading.wallet()).balance == D(1000) + trade.pnl_usd


@pytest.mark.parametrize("misfortune", ["drop_reply", "unreadable", "lose_request"])
async def test_an_order_whose_answer_is_lost_on_the_wire_is_one_position(desk: WiredDesk, misfortune: str) -> None:
    """hummingbot#6996, hummingbot#493, hummingbot#2342: a time-out was called a failure, and the order was live."""
    await desk.venue.fault(misfortune, endpoint="order/create")
    await desk.bus.publish(desk.signal())
    position = (await desk.opened()).position
    held = await desk.at_venue()
    assert held is not None
    assert (position.qty, position.stop) == (held.qty, held.stop)
    assert {fill["orderLinkId"] for fill in (await desk.books())["fills"]} == {position.position_id}


async def test_an_order_that_one_list_does_not_show_at_a_start_is_not_given_up(
    venue: PaperVenue, tmp_path: Path
) -> None:
    """freqtrade PR#6943: one "not found" at a start cancelled a trade three seconds old."""
    async with wired_desk(venue, tmp_path) as first:
        await first.recovered()
        await venue.fault("drop_frames", stream="private", times=1_000)
        for look_up in ("order/realtime", "execution/list"):
            await venue.fault("http_error", endpoint=look_up, times=1_000)
        await venue.fault("drop_reply", endpoint="order/create")
        await first.bus.publish(first.signal())

        async def unknown() -> bool:
            return [intent.state for intent in first.intents()] == [OrderState.UNKNOWN]

        await eventually(unknown)
    await venue.http.delete("/paper/v1/faults")
    await venue.fault("hide_orders", for_ms=3_000)
    await venue.fault("http_error", endpoint="order/history", times=2)
    async with wired_desk(venue, tmp_path) as second:
        position = (await second.opened()).position
        [filled] = {fill["orderLinkId"] for fill in (await second.books())["fills"]}
        assert position.position_id == filled
        await closes(second)
        await agrees_to_the_cent(second)


async def test_a_stop_on_the_wrong_side_of_a_market_that_we_did_not_see_closes_the_position(desk: WiredDesk) -> None:
    """freqtrade#8429, freqtrade#9456: 10001 for a trigger on the wrong side, again and again, and no stop ever."""
    await desk.bus.publish(desk.signal())
    position = (await desk.opened()).position
    beyond = Price(floor_to(desk.price() * D("1.01"), D("0.1")))
    named = {"position_id": position.position_id, "side": position.side, "version": position.version}
    await desk.bus.publish(builders.stop_move(**named, stop=beyond))
    trade = await desk.closed()
    assert trade.close_reason is CloseReason.TRAILING
    assert await desk.at_venue() is None
    refused = [row["retCode"] for row in (await desk.books())["requests"] if row["path"].endswith("trading-stop")]
    assert refused == [10001]
    await agrees_to_the_cent(desk)


async def test_funding_that_comes_among_the_executions_changes_no_quantity(desk: WiredDesk) -> None:
    """ccxt#17244, nautilus#4937, banexg PR#13: funding arrived as a trade and the position grew."""
    await desk.bus.publish(desk.signal())
    before = (await desk.opened()).position
    await desk.venue.steps(8 * HOUR_MS)

    async def funded() -> bool:
        with desk.executor.desk.ledger.read() as pages:
            return any(row.execution.kind is ExecutionType.FUNDING for row in pages.to_fold(BTC))

    await eventually(funded)
    held = await desk.at_venue()
    assert held is not None
    assert (await desk.opened()).position.qty == before.qty == held.qty
    await closes(desk)
    assert (await desk.closed()).funding != 0
    await agrees_to_the_cent(desk)


@pytest.mark.parametrize("misfortune", ["duplicate_frames", "reorder_frames", "drop_frames"])
async def test_frames_that_come_twice_late_or_never_make_one_trade(desk: WiredDesk, misfortune: str) -> None:
    """ccxt#27863: the same order was told twice; LEAN.TradeStation#101: one frame, and the fill was never known."""
    await desk.venue.fault(misfortune, stream="private", times=1_000)
    await desk.bus.publish(desk.signal())
    await closes(desk)
    await agrees_to_the_cent(desk)
    assert (await desk.closed()).qty * 2 == sum(D(fill["qty"]) for fill in (await desk.books())["fills"])


async def test_a_cancel_whose_answer_is_lost_is_looked_up(venue: PaperVenue, tmp_path: Path) -> None:
    """freqtrade#9128, freqtrade#9273: an odd answer to a cancel, and a ghost stayed behind."""
    entry = OrderLinkId("ika-BTCUSDT-1abc-e")
    async with wired_desk(venue, tmp_path / "first") as first:
        resting = {"category": "linear", "symbol": BTC, "side": "Buy", "orderType": "Limit", "qty": "0.01"}
        price = str(floor_to(first.price() * D("0.9"), D("0.1")))
        await first.trading._client.ask(
            "private_post_v5_order_create", resting | {"price": price, "orderLinkId": entry}
        )
        assert [order.link_id for order in await first.trading.open_orders()] == [entry]
    await venue.fault("drop_reply", endpoint="order/cancel")
    async with wired_desk(venue, tmp_path) as second:

        async def gone() -> bool:
            return not await second.trading.open_orders()

        await eventually(gone)
        await second.bus.publish(second.signal())
        await second.opened()
        found = await second.trading.find_order(BTC, entry)
        assert found is not None
        assert found.status is OrderStatus.CANCELLED


async def test_the_candle_that_is_still_forming_is_taken_for_no_closed_one(venue: PaperVenue) -> None:
    """pybit#175: REST tells the unclosed candle too, and nothing in its row says so."""
    clock = SystemClock()
    feed = CcxtFeed(venue.endpoint, clock, Random(1), LocalBudget(clock, Random(1)))
    try:
        await venue.steps(M15.ms + 4 * MINUTE_MS)
        answer = await feed.candles(BTC, M15, start=None, limit=5)
        forming, now = answer[-1], await feed.market_now(BTC)
        assert forming.open_at < now < forming.open_at + M15.ms
        assert list(closed_of(answer, now)) == list(answer[:-1])
        await venue.steps(11 * MINUTE_MS)
        later = await feed.candles(BTC, M15, start=forming.open_at, limit=5)
        [closed] = closed_of(later, await feed.market_now(BTC))
        assert closed.open_at == forming.open_at
        assert closed.volume > forming.volume, "what was told first was half a candle"
    finally:
        await feed.close()


async def test_an_order_is_found_behind_five_hundred_later_ones(tmp_path: Path) -> None:
    """freqtrade#10708: fetchOrder sees the last five hundred orders, and raises unless that is acknowledged."""
    async with trader_at(tmp_path) as trader:
        assert isinstance(await trader.enters(), Accepted)
        for n in range(501):
            await trades(trader, n)
        found = await trader.trading.find_order(BTC, OrderLinkId("ika-BTCUSDT-1abc-e"))
        assert found is not None
        assert found.status is OrderStatus.FILLED
        assert await trader.trading.find_order(BTC, EXIT) is None


async def trades(trader: Trader, n: int) -> None:
    action = Action.SELL if n % 2 else Action.BUY
    request = OrderRequest(BTC, action, Qty(D("0.001")), OrderLinkId(f"ika-BTCUSDT-{n}-p1"), bool(n % 2), None)
    assert isinstance(await trader.trading.create_order(request, trader.stamp()), Accepted)
