"""ccxt's own bybit class, unmodified, takes orders through their lives on the paper exchange."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ccxt.async_support as ccxt
import pytest

from libs.common.units import MINUTE_MS
from tests.support.bybit_ccxt import BTC, CcxtTrader, ccxt_trader
from tests.support.bybit_clients import stock_ccxt
from tests.support.paper_venue import KEY, SECRET

pytestmark = pytest.mark.anyio


@pytest.fixture
async def trader(tmp_path: Path) -> AsyncIterator[CcxtTrader]:
    async with ccxt_trader(tmp_path) as trading:
        yield trading


async def test_fills_carry_their_fees_and_orders_their_end(trader: CcxtTrader) -> None:
    made = await trader.buys()
    [trade] = await trader.bybit.fetch_my_trades(BTC)
    assert (trade["order"], trade["takerOrMaker"]) == (made, "taker")
    assert trade["fee"]["cost"] == pytest.approx(trade["cost"] * 0.00055, rel=1e-6)
    order = await trader.order(made)
    assert (order["status"], order["filled"], order["average"]) == ("closed", 0.01, trade["price"])
    assert order["fees"][0]["cost"] == pytest.approx(trade["fee"]["cost"])
    assert [each["id"] for each in await trader.bybit.fetch_closed_orders(BTC)] == [made]
    assert (await trader.bybit.fetch_closed_order(made, BTC))["id"] == made
    assert [each["id"] for each in await trader.bybit.fetch_order_trades(made, BTC)] == [trade["id"]]


async def test_a_limit_order_rests_until_the_market_comes_and_pays_the_makers_fee(trader: CcxtTrader) -> None:
    made = await trader.rests("1.004", "sell")
    [resting] = await trader.bybit.fetch_open_orders(BTC)
    assert (resting["id"], resting["status"], resting["remaining"]) == (made, "open", 0.01)
    assert (await trader.bybit.fetch_open_order(made, BTC))["id"] == made
    await trader.swings.steps(20 * MINUTE_MS)
    order = await trader.order(made)
    assert (order["status"], order["average"]) == ("closed", resting["price"])
    trades = await trader.bybit.fetch_my_trades(BTC)
    assert {trade["takerOrMaker"] for trade in trades} == {"maker"}
    assert sum(trade["fee"]["cost"] for trade in trades) == pytest.approx(order["cost"] * 0.0002)


async def test_a_resting_order_is_edited_and_cancelled(trader: CcxtTrader) -> None:
    made = await trader.rests()
    await trader.bybit.edit_order(made, BTC, "limit", "buy", 0.02, trader.price("0.985"))
    [resting] = await trader.bybit.fetch_open_orders(BTC)
    assert (resting["price"], resting["amount"]) == (trader.price("0.985"), 0.02)
    await trader.bybit.cancel_order(made, BTC)
    assert await trader.bybit.fetch_open_orders(BTC) == []
    [gone] = await trader.bybit.fetch_canceled_orders(BTC)
    assert (gone["id"], gone["status"]) == (made, "canceled")
    both = await trader.bybit.fetch_canceled_and_closed_orders(BTC)
    assert [each["id"] for each in both] == [made]
    with pytest.raises(ccxt.OrderNotFound):
        await trader.bybit.cancel_order(made, BTC)


async def test_parameters_repeated_as_numbers_are_read(trader: CcxtTrader) -> None:
    made = await trader.rests(positionIdx=0, reduceOnly=False)
    price = trader.price("0.985")
    await trader.bybit.edit_order(made, BTC, "limit", "buy", 0.02, price, {"qty": 0.02, "price": price})
    assert (await trader.order(made))["price"] == price


async def test_cancel_all_takes_everything(trader: CcxtTrader) -> None:
    made = [await trader.rests(times) for times in ("0.99", "0.985")]
    taken = await trader.bybit.cancel_all_orders(BTC)
    assert {each["id"] for each in taken} == set(made)
    assert await trader.bybit.fetch_open_orders(BTC) == []
    assert await trader.bybit.cancel_all_orders() == []


async def test_post_only_that_would_take_is_cancelled_after_its_acceptance(trader: CcxtTrader) -> None:
    order = await trader.order(await trader.rests("1.002", postOnly=True))
    assert (order["status"], order["info"]["rejectReason"]) == ("canceled", "EC_PostOnlyWillTakeLiquidity")
    waiting = await trader.order(await trader.rests(postOnly=True))
    assert (waiting["status"], waiting["postOnly"], waiting["timeInForce"]) == ("open", True, "PO")


@pytest.mark.parametrize("kind", ["IOC", "FOK"])
async def test_what_must_fill_at_once_does_or_dies(trader: CcxtTrader, kind: str) -> None:
    missed = await trader.order(await trader.rests("0.99", timeInForce=kind))
    met = await trader.order(await trader.rests("1.01", timeInForce=kind))
    assert (missed["status"], missed["filled"]) == ("canceled", 0)
    assert (met["status"], met["filled"]) == ("closed", 0.01)


async def test_a_conditional_order_waits_untriggered(trader: CcxtTrader) -> None:
    made = await trader.buys(triggerPrice=trader.price("1.005"), triggerDirection="ascending")
    [waiting] = await trader.bybit.fetch_open_orders(BTC)
    assert (waiting["info"]["orderStatus"], waiting["triggerPrice"]) == ("Untriggered", trader.price("1.005"))
    await trader.swings.steps(30 * MINUTE_MS)
    assert (await trader.order(made))["status"] == "closed"


async def test_a_stop_order_of_ccxt_closes_what_is_held(trader: CcxtTrader) -> None:
    await trader.sells()
    made = await trader.buys(stopLossPrice=trader.price("1.004"), reduceOnly=True)
    waiting = await trader.order(made)
    assert (waiting["status"], waiting["reduceOnly"], waiting["info"]["triggerDirection"]) == ("open", True, 1)
    await trader.swings.steps(30 * MINUTE_MS)
    assert (await trader.order(made))["status"] == "closed"
    assert await trader.position() is None


async def test_a_target_order_of_ccxt_takes_the_profit(trader: CcxtTrader) -> None:
    await trader.buys()
    made = await trader.sells(takeProfitPrice=trader.price("1.004"), reduceOnly=True)
    await trader.swings.steps(30 * MINUTE_MS)
    assert (await trader.order(made))["status"] == "closed"
    assert await trader.position() is None


async def test_a_conditional_order_may_watch_the_mark_price(trader: CcxtTrader) -> None:
    trigger = trader.price("1.005")
    made = await trader.buys(triggerPrice=trigger, triggerDirection="ascending", triggerBy="MarkPrice")
    assert (await trader.order(made))["info"]["triggerBy"] == "MarkPrice"
    await trader.swings.steps(40 * MINUTE_MS)
    assert (await trader.order(made))["status"] == "closed"


async def test_orders_are_created_edited_and_cancelled_in_batches(trader: CcxtTrader) -> None:
    def order(times: str, **more: Any) -> dict[str, Any]:
        limit = {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": trader.price(times)}
        return limit | more

    made = await trader.bybit.create_orders([order("0.99"), order("0.985")])
    ids = [each["id"] for each in made]
    await trader.bybit.edit_orders([order("0.98", id=ids[0]), order("0.975", id=ids[1])])
    prices = {each["price"] for each in await trader.bybit.fetch_open_orders(BTC)}
    assert prices == {trader.price("0.98"), trader.price("0.975")}
    await trader.bybit.cancel_orders(ids, BTC)
    assert await trader.bybit.fetch_open_orders(BTC) == []


async def test_refusals_are_ccxts_own_errors(trader: CcxtTrader) -> None:
    await trader.buys(orderLinkId="once")
    with pytest.raises(ccxt.InvalidOrder, match="110072"):
        await trader.buys(orderLinkId="once")
    with pytest.raises(ccxt.InsufficientFunds, match="110007"):
        await trader.buys(10)
    with pytest.raises(ccxt.InvalidOrder, match="110017"):
        await trader.buys(reduceOnly=True)
    with pytest.raises(ccxt.BadRequest, match="10001"):
        await trader.bybit.private_post_v5_order_create({"category": "linear", "symbol": "BTCUSDT"})
    with pytest.raises(ccxt.OrderNotFound, match="110001"):
        await trader.bybit.edit_order("nowhere", BTC, "limit", "buy", 0.02, trader.price("0.98"))


async def test_a_wrong_key_or_secret_is_refused_before_anything_else(trader: CcxtTrader) -> None:
    for key, secret, code in (("other", SECRET, "10003"), (KEY, "other", "10004")):
        async with stock_ccxt(trader.swings.endpoint, key=key, secret=secret) as stranger:
            with pytest.raises(ccxt.AuthenticationError, match=code):
                await stranger.private_get_v5_account_info()


async def test_a_clock_that_is_wrong_is_ccxts_invalid_nonce(trader: CcxtTrader) -> None:
    async with stock_ccxt(trader.swings.endpoint) as stranger:
        for difference in (6_000, -2_500):
            stranger.options["timeDifference"] = difference
            with pytest.raises(ccxt.InvalidNonce, match="10002"):
                await stranger.private_get_v5_account_info()
