"""The traps that are in the wire: the whole executor over HTTP and WebSocket, with the adapter that it has at Bybit."""

from collections.abc import AsyncIterator
from decimal import Decimal as D
from pathlib import Path
from random import Random
from typing import Any

import pytest

from libs.common.budget.local import LocalBudget
from libs.common.contracts.orders import OrderRefused
from libs.common.contracts.trades import CloseReason
from libs.common.exchange.ccxt_feed import CcxtFeed
from libs.common.exchange.trading_types import Accepted, Action, OrderStatus, RefusedForGood, Stamp
from libs.common.ids import OrderLinkId
from libs.common.units import HOUR_MS, MINUTE_MS, Price, Timeframe
from services.executor.core.order import OrderState
from services.fetcher.core.candles import closed_of
from tests.support import builders
from tests.support.bybit_signed import tell
from tests.support.wired_room import BALANCE, BTC, Wired, WiredRoom, wired_room


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[WiredRoom]:
    async with wired_room(tmp_path) as opened:
        yield opened


@pytest.fixture
async def desk(room: WiredRoom) -> Wired:
    return await room.executor()


async def orders(room: WiredRoom) -> list[str]:
    """What the exchange itself has of ours, oldest first."""
    listed: Any = (await room.venue.audit())["orders"]
    return [str(order["orderLinkId"]) for order in listed if order["orderLinkId"]]


def named(desk: Wired) -> dict[str, Any]:
    position = desk.opened().position
    return {"position_id": position.position_id, "side": position.side, "version": position.version}


LOST_ANSWERS: list[dict[str, Any]] = [
    {"rule": "drop_reply"},
    {"rule": "http_error", "status": 502, "accepted": True},
    {"rule": "unreadable"},
]


@pytest.mark.parametrize("fault", LOST_ANSWERS, ids=lambda fault: str(fault["rule"]))
async def test_an_accepted_order_whose_answer_was_lost_is_a_position(
    room: WiredRoom, desk: Wired, fault: dict[str, Any]
) -> None:
    """hummingbot#6901, hummingbot#6996: a time-out was reported as a failure, and the order was live."""
    await room.venue.fault("drop_frames", stream="private", times=1_000)
    await room.venue.fault(**fault, endpoint="order/create")
    position = (await desk.enters()).position
    await desk.until(lambda: desk.state(position.position_id) is OrderState.FILLED)
    assert room.told(OrderRefused) == []
    assert await orders(room) == [position.position_id]
    assert position.qty == await desk.reports()


async def test_an_order_that_only_the_history_shows_is_known_from_there(room: WiredRoom, desk: Wired) -> None:
    """freqtrade PR#6943, freqtrade#10708: one "not found", or an order older than the last 500, ended a trade."""
    await room.venue.fault("partial_fill", fraction=0)  # it ends without a fill: nothing else tells of it
    await room.venue.fault("hide_orders", times=1_000)
    await room.venue.fault("drop_frames", stream="private", times=1_000)
    await room.venue.fault("drop_reply", endpoint="order/create")
    link_id = await desk.signalled()
    await desk.until(lambda: desk.state(link_id) is OrderState.CANCELLED)
    assert await orders(room) == [link_id]


async def test_a_stop_that_the_venue_refuses_for_its_side_closes_the_position(room: WiredRoom, desk: Wired) -> None:
    """freqtrade#8429: the refusal was taken for a passing error; the stop was asked for again and never placed."""
    await desk.enters()
    beyond = room.venue.price(BTC) * D("1.01")
    await desk.told(room.price("1.02"), builders.stop_move(**named(desk), stop=Price(beyond)))
    await desk.until(room.trades)
    assert await desk.reports() == 0
    [trade] = room.trades()
    assert trade.close_reason is CloseReason.TRAILING


async def test_a_stop_that_is_gone_from_the_venue_is_back(room: WiredRoom, desk: Wired) -> None:
    """OctoBot#3190: the stop was gone, and a position stood alone."""
    stop = (await desk.enters()).position.stop
    await room.venue.fault("lose_stop")
    await desk.until(lambda: desk.executor.desk.counts["stops_repaired"] == 1)
    [held] = await desk.executor.desk.trading.positions()
    assert held.stop == stop


async def test_a_close_whose_answer_was_lost_makes_no_counter_position(room: WiredRoom, desk: Wired) -> None:
    """hummingbot#7611: the close was sent again before the first was confirmed."""
    entry = (await desk.enters()).position.position_id
    await room.venue.fault("drop_reply", endpoint="order/create")
    await desk.told(builders.position_close(**named(desk), close_reason=CloseReason.MANUAL))
    await desk.until(room.trades)
    assert await desk.reports() == 0
    assert await orders(room) == [entry, f"{entry.removesuffix('-e')}-x1"]


async def test_funding_among_the_executions_is_money_and_no_fill(room: WiredRoom, desk: Wired) -> None:
    """ccxt#17244, nautilus#4937: rows of execType Funding arrived as trades and inflated the position."""
    qty = (await desk.enters()).position.qty
    await room.moves(8 * HOUR_MS + MINUTE_MS)
    await desk.until(desk.funding)
    assert desk.opened().position.qty == qty == await desk.reports()
    await desk.told(builders.position_close(**named(desk), close_reason=CloseReason.MANUAL))
    await desk.until(room.trades)
    [trade] = room.trades()
    wallet = await desk.executor.desk.trading.wallet()
    assert trade.funding != 0
    assert wallet.balance == BALANCE + trade.pnl_usd


async def test_frames_that_come_twice_or_out_of_order_count_once(room: WiredRoom, desk: Wired) -> None:
    """ccxt#27863: the same order was told twice."""
    await room.venue.fault("duplicate_frames", stream="private", times=1_000)
    await room.venue.fault("reorder_frames", stream="private", times=1_000, probability=0.5)
    position = (await desk.enters()).position
    await room.by_hand(Action.BUY, "0.002")
    await desk.until(lambda: desk.opened().position.qty == position.qty + D("0.002"))
    assert await desk.reports() == position.qty + D("0.002")
    await desk.told(builders.position_close(**named(desk), close_reason=CloseReason.MANUAL))
    await desk.until(room.trades)
    [trade] = room.trades()
    assert (await desk.executor.desk.trading.wallet()).balance == BALANCE + trade.pnl_usd


async def test_frames_dropped_on_a_healthy_socket_are_found(room: WiredRoom, desk: Wired) -> None:
    """LEAN.TradeStation#101: the connection was fine, one frame was missing, and nobody ever asked."""
    await desk.enters()
    before = desk.opened().position.qty
    await room.venue.fault("drop_frames", stream="private", times=1_000)
    await room.by_hand(Action.BUY, "0.002")
    await desk.until(lambda: desk.opened().position.qty == before + D("0.002"))


async def test_what_was_filled_while_the_socket_was_away_is_known_when_it_is_back(room: WiredRoom, desk: Wired) -> None:
    """LEAN.IB#249: fills of a reconnection were lost."""
    await desk.enters()
    before = desk.opened().position.qty
    await room.venue.fault("disconnect", stream="private")
    await room.by_hand(Action.BUY, "0.002")
    await desk.until(lambda: desk.opened().position.qty == before + D("0.002"))


@pytest.mark.parametrize("lost", ["nothing", "ledger"])
async def test_a_restart_takes_the_venues_word(room: WiredRoom, desk: Wired, lost: str) -> None:
    """nautilus#4736, hummingbot#3324: what was kept overruled the venue, and the next order doubled the position."""
    position = (await desk.enters()).position
    await desk.dies()
    await room.by_hand(Action.SELL, "0.002")
    if lost == "ledger":
        room.home = room.home / "another disk"
    second = await room.executor()
    await second.until(lambda: second.opened().position.qty == position.qty - D("0.002"))
    assert second.opened().position.position_id == position.position_id
    await second.signalled()
    await second.until(lambda: second.executor.desk.counts["duplicates_prevented"])
    assert await second.reports() == position.qty - D("0.002")


async def test_only_the_venues_list_says_that_an_order_is_cancelled(room: WiredRoom) -> None:
    """freqtrade#9273, freqtrade#9128: the answer to a cancel has two ids and no state, and was taken for its end."""
    trading, link = await room.trading(), OrderLinkId("ika-BTCUSDT-1abc-e")
    far = room.venue.price(BTC) * D("0.9")
    resting = {"side": "Buy", "orderType": "Limit", "qty": "0.002", "price": str(far.quantize(D("0.1")))}
    await tell(room.venue.http, "order/create", orderLinkId=link, **resting)
    found = await trading.find_order(BTC, link)
    assert found is not None
    assert found.status is OrderStatus.NEW
    assert isinstance(await trading.cancel_order(BTC, link, Stamp(room.clock.now(), 3_000)), Accepted)
    gone = await trading.find_order(BTC, link)
    assert gone is not None
    assert gone.status is OrderStatus.CANCELLED
    assert isinstance(await trading.cancel_order(BTC, link, Stamp(room.clock.now(), 3_000)), RefusedForGood)


async def test_the_candle_that_is_forming_is_never_taken_for_a_closed_one(room: WiredRoom) -> None:
    """pybit#175: the newest row of a kline answer is not over, and nothing in it says so."""
    feed = CcxtFeed(room.venue.endpoint, room.clock, Random(1), LocalBudget(room.clock, Random(1)))
    room.stack.push_async_callback(feed.close)
    await room.venue.steps(Timeframe.M15.ms - room.venue.world.now % Timeframe.M15.ms + 7 * MINUTE_MS)
    listed = await feed.candles(BTC, Timeframe.M15, start=None, limit=3)
    now = await feed.market_now(BTC)
    closed = closed_of(listed, now)
    assert listed[-1].open_at < now < listed[-1].open_at + Timeframe.M15.ms
    assert list(closed) == list(listed[:-1])
    await room.venue.steps(8 * MINUTE_MS)
    again = closed_of(await feed.candles(BTC, Timeframe.M15, start=None, limit=4), await feed.market_now(BTC))
    assert again[-1].open_at == listed[-1].open_at
