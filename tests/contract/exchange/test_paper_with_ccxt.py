"""ccxt's own bybit class, unmodified, trades on the paper exchange over real HTTP with signed requests."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt.async_support as ccxt
import pytest

from libs.common.units import Symbol
from tests.support.paper_venue import KEY, SECRET, PaperVenue, paper_venue

pytestmark = pytest.mark.anyio
BTC = "BTC/USDT:USDT"


@dataclass
class Client:
    bybit: Any
    venue: PaperVenue

    async def buys(self, **params: object) -> str:
        made = await self.bybit.create_order(BTC, "market", "buy", self.size(), None, params)
        return str(made["id"])

    async def sells(self, **params: object) -> str:
        made = await self.bybit.create_order(BTC, "market", "sell", self.size(), None, params)
        return str(made["id"])

    def size(self) -> float:
        """About a hundred dollars' worth."""
        return float(self.bybit.amount_to_precision(BTC, 100 / self.price()))

    def price(self, times: str = "1") -> float:
        return float(self.bybit.price_to_precision(BTC, self.venue.price(Symbol("BTCUSDT")) * Decimal(times)))


def bybit(venue: PaperVenue, *, key: str = KEY, secret: str = SECRET) -> Any:
    client = ccxt.bybit({"apiKey": key, "secret": secret, "enableRateLimit": False})
    client.urls["api"] = dict.fromkeys(client.urls["api"], venue.endpoint.rest)
    return client


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with paper_venue(tmp_path) as venue, bybit(venue) as traded:
        await traded.load_markets()
        yield Client(traded, venue)


async def test_the_balance_is_what_the_wallet_holds_less_what_is_used(client: Client) -> None:
    await client.bybit.set_leverage(5, BTC)
    await client.buys()
    usdt = (await client.bybit.fetch_balance())["USDT"]
    assert usdt["total"] == pytest.approx(1000 - 0.055, abs=0.01)
    assert usdt["used"] == pytest.approx(20, abs=1)


async def test_an_entry_with_its_stop_becomes_a_position_that_has_one(client: Client) -> None:
    stop = client.price("0.95")
    await client.buys(stopLoss=stop)
    [position] = await client.bybit.fetch_positions([BTC])
    assert (position["side"], position["contracts"]) == ("long", client.size())
    assert position["stopLossPrice"] == stop
    [waiting] = await client.bybit.fetch_open_orders(BTC)
    assert (waiting["info"]["stopOrderType"], waiting["triggerPrice"], waiting["reduceOnly"]) == (
        "StopLoss",
        stop,
        True,
    )


async def test_fills_carry_their_fees_and_orders_their_end(client: Client) -> None:
    made = await client.buys()
    [trade] = await client.bybit.fetch_my_trades(BTC)
    assert trade["order"] == made
    assert trade["fee"]["cost"] == pytest.approx(trade["cost"] * 0.00055, rel=1e-6)
    order = await client.bybit.fetch_order(made, BTC, {"acknowledged": True})
    assert (order["status"], order["filled"], order["average"]) == ("closed", client.size(), trade["price"])


async def test_a_resting_order_is_edited_and_cancelled(client: Client) -> None:
    made = await client.bybit.create_order(BTC, "limit", "buy", client.size(), client.price("0.97"))
    await client.bybit.edit_order(made["id"], BTC, "limit", "buy", client.size(), client.price("0.96"))
    [resting] = await client.bybit.fetch_open_orders(BTC)
    assert resting["price"] == client.price("0.96")
    await client.bybit.cancel_order(made["id"], BTC)
    assert await client.bybit.fetch_open_orders(BTC) == []
    [gone] = await client.bybit.fetch_canceled_orders(BTC)
    assert gone["id"] == made["id"]
    with pytest.raises(ccxt.OrderNotFound):
        await client.bybit.cancel_order(made["id"], BTC)


async def test_cancel_all_takes_everything(client: Client) -> None:
    for part in ("0.97", "0.96"):
        await client.bybit.create_order(BTC, "limit", "buy", client.size(), client.price(part))
    await client.bybit.cancel_all_orders(BTC)
    assert await client.bybit.fetch_open_orders(BTC) == []


async def test_a_conditional_order_waits_untriggered(client: Client) -> None:
    price = client.price("0.9")
    await client.buys(triggerPrice=price, triggerDirection="descending")
    [waiting] = await client.bybit.fetch_open_orders(BTC)
    assert (waiting["info"]["orderStatus"], waiting["triggerPrice"]) == ("Untriggered", price)


async def test_closing_reports_the_closed_profit(client: Client) -> None:
    await client.buys()
    await client.sells(reduceOnly=True)
    assert await client.bybit.fetch_positions() == []
    [closed] = await client.bybit.fetch_positions_history([BTC])
    assert closed["info"]["closedSize"] == f"{client.size()}"
    assert float(closed["info"]["closedPnl"]) < 0  # a spread and two fees


async def test_account_settings_are_asked_and_set(client: Client) -> None:
    await client.bybit.set_leverage(7, BTC)
    with pytest.raises(ccxt.BadRequest, match="110043"):
        await client.bybit.set_leverage(7, BTC)
    await client.bybit.set_position_mode(False)
    with pytest.raises(ccxt.NoChange):
        await client.bybit.set_position_mode(False, BTC)
    await client.bybit.set_margin_mode("isolated", None)
    fee = await client.bybit.fetch_trading_fee(BTC)
    assert (fee["taker"], fee["maker"]) == (0.00055, 0.0002)


async def test_refusals_are_ccxts_own_errors(client: Client) -> None:
    await client.buys(orderLinkId="once")
    with pytest.raises(ccxt.InvalidOrder, match="110072"):
        await client.buys(orderLinkId="once")
    with pytest.raises(ccxt.InsufficientFunds, match="110007"):
        await client.bybit.create_order(BTC, "market", "buy", client.size() * 300)
    with pytest.raises(ccxt.InvalidOrder, match="110017"):
        await client.buys(reduceOnly=True)


async def test_a_wrong_key_or_secret_is_refused_before_anything_else(client: Client) -> None:
    for key, secret, code in (("other", SECRET, "10003"), (KEY, "other", "10004")):
        async with bybit(client.venue, key=key, secret=secret) as stranger:
            with pytest.raises(ccxt.AuthenticationError, match=code):
                await stranger.private_get_v5_account_info()
