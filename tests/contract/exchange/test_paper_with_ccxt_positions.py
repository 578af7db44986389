"""ccxt's own bybit class, unmodified, holds positions on the paper exchange: stops, leverage, modes, profit, wallet."""

from collections.abc import AsyncIterator
from pathlib import Path

import ccxt.async_support as ccxt
import pytest

from libs.common.units import HOUR_MS, MINUTE_MS
from tests.support.bybit_ccxt import BTC, ETH, CcxtTrader, ccxt_trader

pytestmark = pytest.mark.anyio


@pytest.fixture
async def trader(tmp_path: Path) -> AsyncIterator[CcxtTrader]:
    async with ccxt_trader(tmp_path) as trading:
        yield trading


async def test_the_balance_is_what_the_wallet_holds_less_what_is_used(trader: CcxtTrader) -> None:
    await trader.bybit.set_leverage(5, BTC)
    await trader.buys()
    usdt = (await trader.bybit.fetch_balance())["USDT"]
    assert usdt["total"] == pytest.approx(10_000 - 0.55, abs=0.01)
    assert usdt["used"] == pytest.approx(200, abs=2)
    assert usdt["free"] == pytest.approx(usdt["total"] - usdt["used"])


async def test_an_entry_with_its_stops_becomes_a_position_that_has_them(trader: CcxtTrader) -> None:
    stop, target = trader.price("0.99"), trader.price("1.005")
    await trader.buys(stopLoss=stop, takeProfit=target)
    position = await trader.position()
    assert (position["side"], position["contracts"]) == ("long", 0.01)
    assert (position["stopLossPrice"], position["takeProfitPrice"]) == (stop, target)
    waiting = {each["info"]["stopOrderType"]: each for each in await trader.bybit.fetch_open_orders(BTC)}
    assert {kind: each["triggerPrice"] for kind, each in waiting.items()} == {"StopLoss": stop, "TakeProfit": target}
    assert all(each["reduceOnly"] for each in waiting.values())
    await trader.swings.steps(30 * MINUTE_MS)
    assert await trader.position() is None
    assert await trader.bybit.fetch_open_orders(BTC) == []


async def test_stops_may_be_given_as_ccxt_describes_them(trader: CcxtTrader) -> None:
    stop, target = trader.price("0.99"), trader.price("1.005")
    await trader.buys(stopLoss={"triggerPrice": stop}, takeProfit={"triggerPrice": target})
    position = await trader.position()
    assert (position["stopLossPrice"], position["takeProfitPrice"]) == (stop, target)


async def test_a_trailing_amount_goes_to_the_position_and_follows_the_market(trader: CcxtTrader) -> None:
    await trader.buys()
    await trader.bybit.create_order(
        BTC, "market", "sell", 0.01, None, {"trailingAmount": "200", "trailingTriggerPrice": trader.price("1.005")}
    )
    assert (await trader.position())["info"]["trailingStop"] == "200"
    await trader.swings.steps(75 * MINUTE_MS)
    assert await trader.position() is None
    [closed] = await trader.bybit.fetch_positions_history([BTC])
    assert 101_800 - 250 <= float(closed["info"]["avgExitPrice"]) <= 101_800 - 190


async def test_a_trading_stop_without_its_mode_and_index_is_of_the_whole_position(trader: CcxtTrader) -> None:
    await trader.buys()
    stop = str(trader.swings.price("0.98"))
    ask = {"category": "linear", "symbol": "BTCUSDT", "stopLoss": stop}
    await trader.bybit.private_post_v5_position_trading_stop(ask)
    assert (await trader.position())["stopLossPrice"] == float(stop)
    with pytest.raises(ccxt.ExchangeError, match="34040"):
        await trader.bybit.private_post_v5_position_trading_stop(ask)


async def test_closing_reports_the_closed_profit(trader: CcxtTrader) -> None:
    await trader.buys()
    await trader.sells(reduceOnly=True)
    assert await trader.bybit.fetch_positions() == []
    [closed] = await trader.bybit.fetch_positions_history([BTC])
    assert closed["info"]["closedSize"] == "0.01"
    assert float(closed["info"]["closedPnl"]) < 0  # a spread and two fees


async def test_profit_and_loss_are_of_the_mark_price(trader: CcxtTrader) -> None:
    await trader.buys()
    await trader.swings.steps(20 * MINUTE_MS)
    position = await trader.position()
    gained = (position["markPrice"] - position["entryPrice"]) * position["contracts"]
    assert position["unrealizedPnl"] == pytest.approx(gained, abs=1e-6)
    assert position["unrealizedPnl"] > 0
    assert 0 < position["liquidationPrice"] < position["entryPrice"]


async def test_leverage_and_margin_mode_are_set_and_asked(trader: CcxtTrader) -> None:
    await trader.bybit.set_leverage(7, BTC)
    with pytest.raises(ccxt.BadRequest, match="110043"):
        await trader.bybit.set_leverage(7, BTC)
    assert (await trader.bybit.fetch_leverage(BTC))["longLeverage"] == 7
    for mode, known in (("cross", "REGULAR_MARGIN"), ("isolated", "ISOLATED_MARGIN")):
        await trader.bybit.set_margin_mode(mode, None)
        info = await trader.bybit.private_get_v5_account_info()
        assert info["result"]["marginMode"] == known


async def test_one_way_and_hedge_mode(trader: CcxtTrader) -> None:
    await trader.bybit.set_position_mode(False)
    with pytest.raises(ccxt.NoChange):
        await trader.bybit.set_position_mode(False, BTC)
    await trader.bybit.set_position_mode(True, BTC)
    await trader.buys(positionIdx=1)
    await trader.sells(0.02, positionIdx=2)
    long, short = await trader.position("long"), await trader.position("short")
    assert (long["contracts"], short["contracts"]) == (0.01, 0.02)
    assert (long["hedged"], short["hedged"]) == (True, True)
    await trader.sells(positionIdx=1, reduceOnly=True)
    await trader.buys(0.02, positionIdx=2, reduceOnly=True)
    await trader.bybit.set_position_mode(False, BTC)


async def test_fees_are_the_accounts(trader: CcxtTrader) -> None:
    fee = await trader.bybit.fetch_trading_fee(BTC)
    assert (fee["taker"], fee["maker"]) == (0.00055, 0.0002)
    assert set(await trader.bybit.fetch_trading_fees({"category": "linear"})) == {BTC, ETH}


async def test_funding_is_paid_and_found(trader: CcxtTrader) -> None:
    await trader.buys()
    await trader.swings.steps(8 * HOUR_MS)
    [paid] = await trader.bybit.fetch_funding_history(BTC)
    mark = trader.price()
    assert abs(paid["amount"]) == pytest.approx(0.01 * mark * 0.0001, rel=1e-3)
    assert [trade for trade in await trader.bybit.fetch_my_trades(BTC) if trade["id"] == paid["id"]] == []


async def test_a_position_is_found_alone_with_others_and_by_its_coin(trader: CcxtTrader) -> None:
    assert (await trader.bybit.fetch_position(BTC))["contracts"] in (0, None)
    await trader.buys()
    for found in (
        await trader.bybit.fetch_position(BTC),
        *await trader.bybit.fetch_positions(),
        *await trader.bybit.fetch_positions([BTC]),
    ):
        assert (found["symbol"], found["contracts"], found["side"]) == (BTC, 0.01, "long")


async def test_a_position_is_liquidated_where_it_said(trader: CcxtTrader) -> None:
    await trader.bybit.set_leverage(100, BTC)
    await trader.sells()
    position = await trader.position()
    assert position["entryPrice"] < position["liquidationPrice"] < position["entryPrice"] * 1.01
    await trader.swings.steps(55 * MINUTE_MS)
    assert await trader.position() is None
    taken = (await trader.bybit.fetch_my_liquidations(BTC))[0]
    assert taken["info"]["execType"] == "BustTrade"
