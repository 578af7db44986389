"""A lost ledger, read off the served paper exchange by a process of its own: the exchange's audit is the oracle."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ironkeel.cli.app import app
from libs.common.exchange.trading_types import Accepted, Action, OrderRequest
from libs.common.ids import OrderLinkId
from libs.common.units import MINUTE_MS, Price, Qty, Symbol, floor_to
from services.executor.adapters.ledger import Ledger
from services.executor.core.kept import PositionStatus
from tests.support.system import free_port_base
from tests.support.trader import BTC, ENTRY, EXIT, Trader, trader_at

pytestmark = pytest.mark.anyio
ETH = Symbol("ETHUSDT")
KEPT, PART = OrderLinkId("ika-ETHUSDT-1abc-e"), OrderLinkId("ika-ETHUSDT-1abc-p1a1")


@pytest.fixture
async def trader(tmp_path: Path) -> AsyncIterator[Trader]:
    async with trader_at(tmp_path / "exchange") as trader:
        yield trader


async def asks(trader: Trader, symbol: Symbol, action: Action, qty: str, link: OrderLinkId, *, closes: bool) -> None:
    stop = None if closes else Price(floor_to(trader.venue.price(symbol) * Decimal("0.9"), Decimal("0.1")))
    request = OrderRequest(symbol, action, Qty(Decimal(qty)), link, closes, stop)
    assert isinstance(await trader.trading.create_order(request, trader.stamp()), Accepted)


@pytest.fixture
async def traded(trader: Trader) -> Trader:
    """A round trip in BTC; ETH entered and reduced, still open."""
    assert isinstance(await trader.enters(), Accepted)
    await asks(trader, ETH, Action.BUY, "0.2", KEPT, closes=False)
    await trader.venue.steps(5 * MINUTE_MS)
    assert isinstance(await trader.exits(), Accepted)
    await asks(trader, ETH, Action.SELL, "0.1", PART, closes=True)
    await trader.venue.steps(5 * MINUTE_MS)
    return trader


async def test_everything_that_the_exchange_remembers_of_us_comes_back(
    traded: Trader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("IRONKEEL_EXCHANGE__URL", traded.venue.endpoint.rest)
    monkeypatch.setenv("IRONKEEL_PORTS__BASE", str(free_port_base()))

    async def rebuilds() -> dict[str, int]:
        words = ["recovery", "rebuild", "--json", "--home", str(home)]
        done = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert done.exit_code == 0, done.output
        told: dict[str, int] = json.loads(done.stdout)
        return told

    books = await traded.books()
    told = await rebuilds()
    assert told == {
        "orders": 4,
        "orders_added": 4,
        "executions": len(books["fills"]),
        "executions_added": len(books["fills"]),
        "positions": 1,
        "trades": 1,
        "trades_added": 1,
    }
    ledger = Ledger.open("", home=home)
    with ledger.read() as pages:
        trade, [kept] = pages.trade(ENTRY), pages.positions(PositionStatus.OPEN)
        assert all(pages.intent(link) is not None for link in (ENTRY, EXIT, KEPT, PART))
        assert not pages.live_intents()
    mine = [fill for fill in books["fills"] if fill["symbol"] == BTC]
    assert trade is not None
    assert trade.gross == sum(Decimal(fill["grossPnl"]) for fill in mine)
    assert trade.fees == sum(Decimal(fill["fee"]) for fill in mine)
    [*_, seen] = [row for row in books["positions"] if row["symbol"] == ETH]
    position = kept.position
    assert (position.position_id, position.qty, position.stop) == (KEPT, Decimal(seen["size"]), Decimal(seen["stop"]))
    assert [part.qty for part in position.partial_exits] == [Decimal("0.1")]
    again = await rebuilds()
    assert [count for name, count in again.items() if name.endswith("_added")] == [0, 0, 0]
