"""Misfortunes of the venue's own books: what clients see, and what the audit knows."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from libs.common.clock import SystemClock
from libs.common.errors import Refused, Transient
from libs.common.exchange.trading_types import Accepted, OrderStatus, RefusedForNow
from tests.support.bybit_clients import stock_ccxt
from tests.support.trader import BTC, ENTRY, SIZE, Trader, trader_at
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def trader(tmp_path: Path) -> AsyncIterator[Trader]:
    async with trader_at(tmp_path) as trading:
        yield trading


@pytest.mark.parametrize("match", [{}, {"symbol": BTC}])
async def test_positions_are_those_of_the_moment_of_the_rule_for_so_many_answers(
    trader: Trader, match: dict[str, str]
) -> None:
    await trader.venue.fault("stale_positions", times=2, **match)
    await trader.enters()
    assert [await trader.trading.positions() for _ in range(2)] == [[], []]
    assert [position.qty for position in await trader.trading.positions()] == [SIZE]


async def test_a_position_that_is_gone_is_still_told_while_the_answer_is_stale(trader: Trader) -> None:
    await trader.enters()
    await trader.venue.fault("stale_positions", symbol=BTC)
    await trader.exits()
    assert [position.qty for position in await trader.trading.positions()] == [SIZE]
    assert await trader.trading.positions() == []


async def test_another_symbols_staleness_is_of_no_matter(trader: Trader) -> None:
    await trader.venue.fault("stale_positions", symbol="ETHUSDT", times=9)
    await trader.enters()
    assert [position.qty for position in await trader.trading.positions()] == [SIZE]


async def test_positions_may_be_stale_for_a_while(trader: Trader) -> None:
    await trader.venue.fault("stale_positions", for_ms=300)
    await trader.enters()
    assert await trader.trading.positions() == []
    assert await eventually(trader.trading.positions)


async def test_a_cleared_list_of_orders_hides_them_by_id_too_and_history_still_has_them(trader: Trader) -> None:
    await trader.enters()
    assert len(await trader.trading.open_orders()) == 1
    await trader.venue.fault("hide_orders", for_ms=60_000)
    assert await trader.trading.open_orders() == []
    found = await trader.trading.find_order(BTC, ENTRY)  # it asks the open orders, then history
    assert found is not None
    assert found.filled == SIZE
    [standing] = (await trader.venue.http.get("/paper/v1/faults")).json()["faults"]
    assert standing["hits"] == 2
    await trader.venue.http.delete("/paper/v1/faults")
    assert len(await trader.trading.open_orders()) == 1


async def test_a_stop_that_vanished_is_gone_for_clients_and_a_naked_spell_for_the_audit(trader: Trader) -> None:
    await trader.enters()
    before = trader.venue.world.now
    assert (await trader.venue.fault("lose_stop", symbol=BTC))["hit"] == 1
    [position] = await trader.trading.positions()
    assert (position.stop, await trader.trading.open_orders()) == (None, [])
    books = await trader.books()
    assert [row["stop"] for row in books["positions"]] == [str(trader.stop()), ""]
    assert [(row["from"], row["to"]) for row in books["naked"]] == [(before, None)]
    assert [row["path"] for row in books["requests"]] == ["/v5/order/create"]
    assert isinstance(await trader.trading.set_stop(BTC, trader.stop(), trader.stamp()), Accepted)
    assert [row["to"] for row in (await trader.books())["naked"]] == [before]


async def test_a_market_order_finds_only_so_much_of_what_it_wants_and_the_rest_is_cancelled(trader: Trader) -> None:
    await trader.venue.fault("partial_fill", order=ENTRY, fraction="0.5")
    await trader.enters()
    found = await trader.trading.find_order(BTC, ENTRY)
    assert found is not None
    assert (found.status, found.filled) == (OrderStatus.CANCELLED, SIZE / 2)
    [position] = await trader.trading.positions()
    assert (position.qty, position.stop) == (SIZE / 2, trader.stop())
    await trader.exits()
    [_, left] = (await trader.books())["fills"]
    assert left["qty"] == str(SIZE / 2)


async def test_an_order_can_find_nothing_at_all(trader: Trader) -> None:
    await trader.venue.fault("partial_fill", symbol=BTC, fraction=0)
    await trader.enters()
    assert await trader.trading.positions() == []
    assert (await trader.books())["fills"] == []


async def test_a_limit_order_that_is_filled_in_part_rests_with_what_is_left(trader: Trader) -> None:
    async with stock_ccxt(trader.venue.endpoint) as client:
        await client.load_markets()
        await trader.venue.fault("partial_fill", symbol=BTC, fraction="0.25")
        above = client.price_to_precision("BTC/USDT:USDT", trader.venue.price(BTC) * Decimal("1.01"))
        made = await client.create_order("BTC/USDT:USDT", "limit", "buy", 0.004, float(above))
        [waiting] = await client.fetch_open_orders("BTC/USDT:USDT")
    assert (waiting["id"], waiting["filled"], waiting["remaining"]) == (made["id"], 0.001, 0.003)
    assert waiting["info"]["orderStatus"] == "PartiallyFilled"


async def test_where_no_stop_is_none_vanishes(trader: Trader) -> None:
    await trader.enters()
    assert (await trader.venue.fault("lose_stop", symbol="ETHUSDT"))["hit"] == 0
    assert (await trader.venue.fault("lose_stop"))["hit"] == 1


@pytest.mark.parametrize("offset_ms", [-5_000, 5_000])
async def test_a_clock_that_is_off_refuses_who_has_not_looked_at_it(trader: Trader, offset_ms: int) -> None:
    await trader.venue.fault("clock", offset_ms=offset_ms)
    refused = await trader.enters()
    assert isinstance(refused, RefusedForNow)
    assert refused.code == 10002
    told = await trader.trading.server_time()
    assert abs(told - SystemClock().now() - offset_ms) < 1_000
    assert isinstance(await trader.enters(), Accepted)
    await trader.venue.http.delete("/paper/v1/faults")
    assert isinstance(await trader.exits(), RefusedForNow)


async def test_the_books_keep_the_true_time_whatever_the_clock_shows(trader: Trader) -> None:
    before, market = SystemClock().now(), trader.venue.world.now
    await trader.venue.fault("clock", offset_ms=-3_600_000)
    await trader.trading.server_time()
    assert isinstance(await trader.enters(), Accepted)
    [fill] = (await trader.books())["fills"]
    assert fill["time"] == market
    assert before <= fill["wall"] <= SystemClock().now() + 1_000


async def test_a_clock_is_off_no_longer_than_ordered(trader: Trader) -> None:
    await trader.venue.fault("clock", offset_ms=-60_000, for_ms=200)

    async def right() -> bool:
        return abs(await trader.trading.server_time() - SystemClock().now()) < 1_000

    assert await eventually(right)


async def test_stale_answers_are_refused_as_fresh_ones_are(trader: Trader) -> None:
    await trader.venue.fault("stale_positions", times=5)
    await trader.venue.fault("refuse", endpoint="position/list", ret_code=10001)
    with pytest.raises((Refused, Transient)):
        await trader.trading.positions()
