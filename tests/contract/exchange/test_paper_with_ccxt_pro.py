"""ccxt.pro, unmodified, listens to the paper exchange's market and trades on its socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import ccxt.async_support as ccxt
import pytest

from libs.common.units import MINUTE_MS
from tests.support.bybit_ccxt import BTC, ETH, CcxtTrader, ccxt_trader
from tests.support.bybit_clients import stock_ccxt_pro
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio
WITHIN_S = 20
T = TypeVar("T")


@pytest.fixture
async def trader(tmp_path: Path) -> AsyncIterator[CcxtTrader]:
    async with ccxt_trader(tmp_path) as trading:
        yield trading


@pytest.fixture
async def pro(trader: CcxtTrader) -> AsyncIterator[Any]:
    async with stock_ccxt_pro(trader.swings.endpoint) as client:
        await client.load_markets()
        yield client


async def while_time_passes(trader: CcxtTrader, watching: Awaitable[T]) -> T:
    """What `watching` hears while the market goes on, minute by minute."""
    heard = asyncio.ensure_future(watching)
    async with asyncio.timeout(WITHIN_S):
        while not heard.done():
            await trader.swings.steps()
            await asyncio.wait([heard], timeout=0.02)
    return heard.result()


class Watched:
    """Everything that one of ccxt's watches ever returns; nothing is lost between two looks."""

    def __init__(self, watch: Callable[[], Awaitable[Any]]) -> None:
        self._watch = watch
        self._rows: asyncio.Queue[Any] = asyncio.Queue()
        self.task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while True:
            heard = await self._watch()
            for row in heard if isinstance(heard, list) else [heard]:
                self._rows.put_nowait(row)

    def is_heard(self) -> bool:
        return not self._rows.empty()

    async def row(self, is_it: Callable[[Any], bool]) -> Any:
        """The first from now on that is the one."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                row = await self._rows.get()
                if is_it(row):
                    return row


async def test_candles_grow_and_follow_each_other(trader: CcxtTrader, pro: Any) -> None:
    seen: dict[int, list[float]] = {}
    while len(seen) < 3:
        candles = await while_time_passes(trader, pro.watch_ohlcv(BTC, "1m"))
        seen |= {candle[0]: candle for candle in candles}
    opened = sorted(seen)
    assert opened == list(range(opened[0], opened[-1] + 1, MINUTE_MS))
    asked = {candle[0]: candle for candle in await trader.bybit.fetch_ohlcv(BTC, "1m", opened[0], 3)}
    assert seen[opened[0]] == asked[opened[0]]


async def test_a_ticker_and_several(trader: CcxtTrader, pro: Any) -> None:
    first = await pro.watch_ticker(BTC)
    assert first["last"] == trader.price()
    assert first["bid"] < first["ask"]
    later = await while_time_passes(trader, pro.watch_ticker(BTC))
    assert (later["symbol"], later["high"]) == (BTC, first["high"])
    many = await while_time_passes(trader, pro.watch_tickers([BTC, ETH]))
    assert set(many) <= {BTC, ETH}
    best = await while_time_passes(trader, pro.watch_bids_asks([ETH]))
    assert best[ETH]["bid"] < best[ETH]["ask"]


async def test_trades_are_those_that_rest_shows(trader: CcxtTrader, pro: Any) -> None:
    heard = await while_time_passes(trader, pro.watch_trades(BTC))
    known = {trade["id"]: trade for trade in await trader.bybit.fetch_trades(BTC, limit=1000)}
    for trade in heard:
        assert known[trade["id"]]["price"] == trade["price"]
        assert known[trade["id"]]["side"] == trade["side"]


@pytest.mark.parametrize("depth", [1, 50, 200])
async def test_the_book_is_kept_and_is_the_one_that_is_asked_for(trader: CcxtTrader, pro: Any, depth: int) -> None:
    await while_time_passes(trader, pro.watch_order_book(BTC, depth))
    for _ in range(5):
        book = await while_time_passes(trader, pro.watch_order_book(BTC, depth))
        assert book["bids"][0][0] < book["asks"][0][0]
    asked = await trader.bybit.fetch_order_book(BTC, depth)

    async def is_the_same() -> bool:
        return [[*book["bids"]], [*book["asks"]]] == [asked["bids"], asked["asks"]]

    await eventually(is_the_same)  # ccxt keeps the book that it gave up to date


async def test_watching_ends_when_it_is_told_to(trader: CcxtTrader, pro: Any) -> None:
    await pro.watch_ticker(BTC)
    await pro.un_watch_ticker(BTC)
    assert (await pro.watch_ticker(BTC))["last"] == trader.price()


@dataclass(frozen=True)
class Listening:
    orders: Watched
    trades: Watched
    positions: Watched
    balance: Watched


@pytest.fixture
async def listening(trader: CcxtTrader, pro: Any) -> AsyncIterator[Listening]:
    """A client that hears everything of the account: it was told of a small trade."""
    assert await pro.watch_positions() == []  # the first answer is the snapshot
    watches = (pro.watch_orders, pro.watch_my_trades, pro.watch_positions, pro.watch_balance)
    heard = [Watched(watch) for watch in watches]
    async with asyncio.timeout(WITHIN_S):
        while not all(watched.is_heard() for watched in heard):
            await trader.buys(0.001)
            await asyncio.sleep(0.02)
    await trader.sells(0.1, reduceOnly=True)
    listening = Listening(*heard)
    await listening.positions.row(lambda row: row["contracts"] == 0)
    yield listening
    for watched in heard:
        watched.task.cancel()


async def test_orders_and_their_fills_are_told(trader: CcxtTrader, listening: Listening) -> None:
    made = await trader.buys(0.02)
    order = await listening.orders.row(lambda row: row["id"] == made and row["status"] == "closed")
    assert (order["filled"], order["symbol"], order["side"]) == (0.02, BTC, "buy")
    trade = await listening.trades.row(lambda row: row["order"] == made)
    assert (trade["price"], trade["takerOrMaker"]) == (order["average"], "taker")
    assert trade["fee"]["cost"] == pytest.approx(order["fee"]["cost"])


async def test_a_position_is_told_as_it_grows_and_ends(trader: CcxtTrader, listening: Listening) -> None:
    stop = trader.price("0.98")
    await trader.buys(0.02, stopLoss=stop)
    held = await listening.positions.row(lambda row: row["contracts"] == 0.02 and row["stopLossPrice"] == stop)
    assert (held["side"], held["symbol"]) == ("long", BTC)
    assert held["entryPrice"] == (await trader.position())["entryPrice"]
    await trader.sells(0.02, reduceOnly=True)
    await listening.positions.row(lambda row: row["contracts"] == 0)


async def test_the_balance_follows_fees_and_profit(trader: CcxtTrader, listening: Listening) -> None:
    """On its stream ccxt takes a coin's equity for its total."""
    await trader.buys(0.02)
    asked = await trader.bybit.fetch_balance()
    [coin] = asked["info"]["result"]["list"][0]["coin"]
    balance = await listening.balance.row(lambda each: each["USDT"]["total"] == float(coin["equity"]))
    assert balance["info"][0]["coin"][0]["walletBalance"] == coin["walletBalance"]


async def test_what_the_market_does_is_told_too(trader: CcxtTrader, listening: Listening) -> None:
    resting = await trader.rests("1.003", "sell")
    await listening.orders.row(lambda row: row["id"] == resting and row["status"] == "open")
    await trader.swings.steps(20 * MINUTE_MS)
    filled = await listening.orders.row(lambda row: row["id"] == resting and row["status"] == "closed")
    assert filled["average"] == filled["price"]


async def test_orders_are_made_edited_and_cancelled_on_the_trade_socket(trader: CcxtTrader, pro: Any) -> None:
    made = await pro.create_order_ws(BTC, "limit", "buy", 0.01, trader.price("0.98"), {"clientOrderId": "by-socket"})
    assert (await trader.order(made["id"]))["clientOrderId"] == "by-socket"
    await pro.edit_order_ws(made["id"], BTC, "limit", "buy", 0.02, trader.price("0.975"))
    order = await trader.order(made["id"])
    assert (order["amount"], order["price"]) == (0.02, trader.price("0.975"))
    await pro.cancel_order_ws(made["id"], BTC)
    assert (await trader.order(made["id"]))["status"] == "canceled"
    bought = await pro.create_order_ws(BTC, "market", "buy", 0.01, None, {"stopLoss": trader.price("0.98")})
    assert (await trader.order(bought["id"]))["status"] == "closed"
    assert (await trader.position())["stopLossPrice"] == trader.price("0.98")


async def test_the_trade_socket_refuses_with_ccxts_own_errors(trader: CcxtTrader, pro: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds, match="110007"):
        await pro.create_order_ws(BTC, "market", "buy", 10)
    with pytest.raises(ccxt.InvalidOrder, match="110017"):
        await pro.create_order_ws(BTC, "market", "sell", 0.01, None, {"reduceOnly": True})
    with pytest.raises(ccxt.OrderNotFound, match="110001"):
        await pro.cancel_order_ws("nowhere", BTC)
    assert await trader.position() is None


async def test_a_wrong_secret_opens_no_private_socket(trader: CcxtTrader) -> None:
    async with stock_ccxt_pro(trader.swings.endpoint, secret="other") as stranger:
        with pytest.raises(ccxt.AuthenticationError):
            async with asyncio.timeout(WITHIN_S):
                await stranger.watch_orders()
