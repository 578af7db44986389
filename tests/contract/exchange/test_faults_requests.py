"""Misfortunes of requests, as the executor's own adapter meets them; and what the books say of each."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ccxt.async_support as ccxt
import httpx
import pytest

from libs.common.errors import Transient
from libs.common.exchange.trading_types import Accepted, Ambiguous, Exists, RefusedForGood, RefusedForNow
from libs.common.ids import OrderLinkId
from tests.support.bybit_clients import stock_ccxt
from tests.support.trader import BTC, ENTRY, EXIT, Trader, trader_at

pytestmark = pytest.mark.anyio


@pytest.fixture
async def trader(tmp_path: Path) -> AsyncIterator[Trader]:
    async with trader_at(tmp_path) as trading:
        yield trading


async def links(trader: Trader) -> list[str]:
    """What has become an order of ours."""
    return [row["orderLinkId"] for row in (await trader.books())["orders"] if row["orderLinkId"]]


async def test_of_an_order_whose_reply_is_dropped_nothing_is_heard_and_it_is_there(trader: Trader) -> None:
    await trader.venue.fault("drop_reply", endpoint="order/create")
    assert isinstance(await trader.enters(), Ambiguous)
    assert await links(trader) == [ENTRY]
    assert isinstance(await trader.enters(), Exists)
    assert [position.symbol for position in await trader.trading.positions()] == [BTC]


async def test_of_a_lost_request_nothing_is_heard_and_nothing_happened(trader: Trader) -> None:
    await trader.venue.fault("lose_request", endpoint="order/create")
    assert isinstance(await trader.enters(), Ambiguous)
    books = await trader.books()
    assert (books["orders"], books["requests"]) == ([], [])
    assert isinstance(await trader.enters(), Accepted)


async def test_a_request_that_is_delayed_past_its_window_is_refused_as_late(trader: Trader) -> None:
    await trader.venue.fault("delay", endpoint="order/create", delay_ms=200, times=2)
    late = await trader.enters(late_ms=2_900)
    assert isinstance(late, RefusedForNow)
    assert late.code == 10002
    assert await links(trader) == []
    assert isinstance(await trader.enters(), Accepted)


@pytest.mark.parametrize(("accepted", "orders"), [(False, []), (True, [ENTRY])])
async def test_a_server_error_may_hide_an_order_that_happened(
    trader: Trader, accepted: bool, orders: list[OrderLinkId]
) -> None:
    await trader.venue.fault("http_error", endpoint="order/create", status=504, accepted=accepted)
    assert isinstance(await trader.enters(), Ambiguous)
    assert await links(trader) == orders


@pytest.mark.parametrize(("accepted", "orders"), [(False, []), (True, [ENTRY])])
async def test_an_answer_that_cannot_be_read_may_hide_an_order_that_happened(
    trader: Trader, accepted: bool, orders: list[OrderLinkId]
) -> None:
    await trader.venue.fault("unreadable", endpoint="order/create", accepted=accepted)
    assert isinstance(await trader.enters(), Ambiguous)
    assert await links(trader) == orders


@pytest.mark.parametrize(
    ("code", "kind"), [(10016, Ambiguous), (110007, RefusedForGood), (10006, RefusedForNow), (110072, Exists)]
)
async def test_any_code_can_be_the_answer_and_then_nothing_happened(trader: Trader, code: int, kind: type[Any]) -> None:
    await trader.venue.fault("refuse", endpoint="order/create", ret_code=code, ret_msg="as ordered")
    assert isinstance(await trader.enters(), kind)
    books = await trader.books()
    assert books["orders"] == []
    assert [(row["orderLinkId"], row["retCode"]) for row in books["requests"]] == [(ENTRY, code)]


async def test_a_refused_answer_has_the_text_that_was_ordered(trader: Trader) -> None:
    await trader.venue.fault("refuse", ret_code=110007, ret_msg="no money today")
    refused = await trader.enters()
    assert isinstance(refused, RefusedForGood)
    assert "no money today" in refused.text


async def test_an_entry_whose_stop_is_refused_leaves_no_position(trader: Trader) -> None:
    await trader.venue.fault("refuse_stop", symbol=BTC, times=2)
    assert isinstance(await trader.enters(), RefusedForGood)
    assert await trader.trading.positions() == []
    assert isinstance(await trader.trading.set_stop(BTC, trader.stop(), trader.stamp()), RefusedForGood)
    assert isinstance(await trader.enters(), Accepted)
    assert isinstance(await trader.exits(), Accepted)


async def test_a_stop_that_is_refused_stays_where_it_was(trader: Trader) -> None:
    await trader.enters()
    await trader.venue.fault("refuse_stop")
    assert isinstance(await trader.trading.set_stop(BTC, trader.stop("0.97"), trader.stamp()), RefusedForGood)
    [position] = await trader.trading.positions()
    assert position.stop == trader.stop("0.95")


@pytest.mark.parametrize("match", [{"order": ENTRY}, {"symbol": BTC}, {"endpoint": "/order/create"}])
async def test_a_rule_befalls_only_what_it_names(trader: Trader, match: dict[str, str]) -> None:
    await trader.venue.fault("refuse", times=9, ret_code=110007, **match)
    assert isinstance(await trader.enters(), RefusedForGood)
    assert await trader.trading.positions() == []
    other = {"order": EXIT, "symbol": "ETHUSDT", "endpoint": "order/cancel"}
    await trader.venue.http.delete("/paper/v1/faults")
    await trader.venue.fault("refuse", times=9, ret_code=110007, **{name: other[name] for name in match})
    assert isinstance(await trader.enters(), Accepted)


async def test_reads_are_befallen_too_and_told_apart_from_answers(trader: Trader) -> None:
    for rule in ("lose_request", "http_error", "unreadable"):
        await trader.venue.fault(rule, endpoint="account/wallet-balance", times=100)
        with pytest.raises(Transient):
            await trader.trading.wallet()
        await trader.venue.http.delete("/paper/v1/faults")
    assert (await trader.trading.wallet()).balance == 1000


async def test_chance_strikes_the_same_requests_for_the_same_seed(trader: Trader) -> None:
    async def story(seed: int) -> list[int]:
        await trader.venue.http.delete("/paper/v1/faults")
        await trader.venue.fault("http_error", endpoint="market/time", probability=0.5, seed=seed, status=503)
        return [(await trader.venue.http.get("/v5/market/time")).status_code for _ in range(40)]

    first = await story(1)
    assert set(first) == {200, 503}
    assert await story(1) == first
    assert await story(2) != first


async def test_a_public_request_can_be_lost(trader: Trader) -> None:
    await trader.venue.fault("lose_request", endpoint="market/tickers")
    with pytest.raises(httpx.RemoteProtocolError):
        await trader.venue.http.get("/v5/market/tickers?category=linear")
    answer = await trader.venue.http.get("/v5/market/tickers?category=linear")
    assert answer.json()["retCode"] == 0


async def test_ccxt_meets_what_it_knows_from_the_venue(trader: Trader) -> None:
    async with stock_ccxt(trader.venue.endpoint) as client:
        await client.load_markets()
        for rule, error in (
            ({"rule": "lose_request"}, ccxt.NetworkError),
            ({"rule": "http_error", "status": 503}, ccxt.ExchangeNotAvailable),
            ({"rule": "refuse", "ret_code": 10006}, ccxt.RateLimitExceeded),
            ({"rule": "refuse", "ret_code": 110007}, ccxt.InsufficientFunds),
        ):
            await trader.venue.fault(endpoint="order/create", **rule)
            with pytest.raises(error):
                await client.create_order("BTC/USDT:USDT", "market", "buy", 0.002)
    assert await links(trader) == []
