"""Misfortunes of orders that come over the trade socket: the same rules as over REST."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from libs.common.clock import SystemClock
from tests.support.trader import ENTRY, SIZE, Trader, trader_at
from tests.support.venue_socket import VenueSocket, listening

pytestmark = pytest.mark.anyio


@pytest.fixture
async def trader(tmp_path: Path) -> AsyncIterator[Trader]:
    async with trader_at(tmp_path) as trading:
        yield trading


async def orders(line: VenueSocket, **changes: Any) -> None:
    usual = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": str(SIZE)}
    header = {"X-BAPI-TIMESTAMP": str(SystemClock().now()), "X-BAPI-RECV-WINDOW": "3000"}
    order = {**usual, "orderLinkId": ENTRY, **changes}
    await line.say(reqId="r1", op="order.create", header=header, args=[order])


async def links(trader: Trader) -> list[str]:
    return [row["orderLinkId"] for row in (await trader.books())["orders"]]


async def test_an_order_without_misfortune_is_answered(trader: Trader) -> None:
    async with listening(trader.venue, "trade") as line:
        await orders(line)
        answer = await line.hear()
    assert (answer["reqId"], answer["retCode"]) == ("r1", 0)
    assert await links(trader) == [ENTRY]


@pytest.mark.parametrize(("rule", "happened"), [("drop_reply", [ENTRY]), ("lose_request", [])])
async def test_a_lost_order_and_a_lost_answer_sound_the_same(trader: Trader, rule: str, happened: list[str]) -> None:
    await trader.venue.fault(rule, endpoint="order/create")
    async with listening(trader.venue, "trade") as line:
        await orders(line)
        assert await line.is_cut()
    assert await links(trader) == happened


async def test_any_code_can_be_the_answer(trader: Trader) -> None:
    await trader.venue.fault("refuse", order=ENTRY, ret_code=110007)
    async with listening(trader.venue, "trade") as line:
        await orders(line)
        refused = await line.hear()
        assert (refused["reqId"], refused["op"], refused["retCode"]) == ("r1", "order.create", 110007)
    assert await links(trader) == []


async def test_an_answer_that_cannot_be_read_hides_an_order_that_happened(trader: Trader) -> None:
    await trader.venue.fault("unreadable", endpoint="order/create")
    async with listening(trader.venue, "trade") as line:
        await orders(line)
        with pytest.raises(orjson.JSONDecodeError):
            await line.hear()
    assert await links(trader) == [ENTRY]


async def test_an_order_that_is_delayed_past_its_window_is_late(trader: Trader) -> None:
    await trader.venue.fault("delay", endpoint="order/create", delay_ms=3_200)
    async with listening(trader.venue, "trade") as line:
        await orders(line)
        assert (await line.hear())["retCode"] == 10002
    assert await links(trader) == []


async def test_an_order_whose_stop_is_refused_leaves_no_position(trader: Trader) -> None:
    await trader.venue.fault("refuse_stop")
    async with listening(trader.venue, "trade") as line:
        await orders(line, stopLoss=str(trader.stop()))
        assert (await line.hear())["retCode"] == 10001
    assert await links(trader) == []


async def test_the_line_is_cut_and_the_order_before_it_stays(trader: Trader) -> None:
    async with listening(trader.venue, "trade") as line:
        await orders(line)
        assert (await line.hear())["retCode"] == 0
        assert (await trader.venue.fault("disconnect", stream="trade"))["hit"] == 1
        assert await line.is_cut()
    assert await links(trader) == [ENTRY]
