"""The exchange restarts on order: everything is cut, it is gone for a while, and its books come back from disk."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import httpx
import orjson
import pytest

from libs.common.clock import SystemClock
from libs.common.exchange.ccxt_trading import CcxtTrading
from libs.common.exchange.endpoints import Endpoint
from libs.common.exchange.trading_types import Accepted, Action, Exists, OrderRequest, Stamp
from libs.common.units import Price, Qty
from services.paper_exchange.core.judging.verdict import judge
from tests.support.paper_venue import KEY, SECRET
from tests.support.process import ServiceProcess
from tests.support.trader import BTC, ENTRY
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio
DOWN_MS = 400


@dataclass
class Exchange:
    """The real process, alone, without anybody who watches over it."""

    process: ServiceProcess
    home: Path
    port: int = 0

    async def serves(self, *, after: float = 0) -> bool:
        """Whether it answers, from a life that began later than `after`."""
        try:
            place = orjson.loads((self.home / "run" / "paper_exchange-2.json").read_bytes())
        except FileNotFoundError:
            return False
        self.port = place["port"]
        return place["started"] > after and await self.asks("GET", "/health/ready") is not None

    async def asks(self, method: str, path: str, body: Any = None) -> Any:
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=10) as http:
                return (await http.request(method, path, json=body)).json()
        except httpx.TransportError:
            return None

    def trading(self) -> CcxtTrading:
        at = f"127.0.0.1:{self.port}"
        endpoint = Endpoint(f"http://{at}", f"ws://{at}", f"ws://{at}")
        return CcxtTrading(endpoint, SystemClock(), Random(1), key=KEY, secret=SECRET)


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    settings = {"IRONKEEL_PAPER__SPEED": "60", "IRONKEEL_PAPER__SYMBOLS": "2", "IRONKEEL_PAPER__LIMITS": "off"}
    process = ServiceProcess("paper_exchange", home=tmp_path, redis_url="", prefix="t:", settings=settings)
    running = Exchange(process, tmp_path)
    process.start()
    await eventually(running.serves)
    yield running
    process.kill()


async def enters(trading: CcxtTrading) -> object:
    wall = await trading.server_time()
    request = OrderRequest(BTC, Action.BUY, Qty(Decimal("0.001")), ENTRY, False, Price(Decimal(1_000)))
    return await trading.create_order(request, Stamp(wall, 3_000))


async def test_a_restart_cuts_everything_and_the_books_come_back_in_the_same_process(exchange: Exchange) -> None:
    trading = exchange.trading()
    assert isinstance(await enters(trading), Accepted)
    before, born = await exchange.asks("GET", "/paper/v1/audit"), SystemClock().now()
    pid = orjson.loads((exchange.home / "run" / "paper_exchange-2.json").read_bytes())["pid"]
    await exchange.asks("POST", "/paper/v1/faults", {"rule": "delay", "times": 100, "delay_ms": 60_000})
    told = await exchange.asks("POST", "/paper/v1/faults", {"rule": "restart", "down_ms": DOWN_MS})
    assert told["hit"] == 0

    async def gone() -> bool:
        return await exchange.asks("GET", "/health/live") is None

    await eventually(gone)
    await trading.close()
    await eventually(lambda: exchange.serves(after=born))
    assert exchange.process.exit_code() is None
    assert orjson.loads((exchange.home / "run" / "paper_exchange-2.json").read_bytes())["pid"] == pid
    os.kill(pid, 0)

    again = exchange.trading()
    assert isinstance(await enters(again), Exists)
    assert [position.qty for position in await again.positions()] == [Decimal("0.001")]
    after = await exchange.asks("GET", "/paper/v1/audit")
    assert after["orders"] == before["orders"]
    assert after["fills"] == before["fills"]
    assert judge(after, max_positions=1).violations == ()
    assert (await exchange.asks("GET", "/paper/v1/faults"))["faults"] == []
    await again.close()


async def test_the_clock_goes_on_as_it_was_set_and_stood_while_the_exchange_was_down(exchange: Exchange) -> None:
    await exchange.asks("POST", "/paper/v1/clock", {"paused": True})
    before, born = await exchange.asks("GET", "/paper/v1/clock"), SystemClock().now()
    await exchange.asks("POST", "/paper/v1/faults", {"rule": "restart", "down_ms": 0})
    await eventually(lambda: exchange.serves(after=born))
    assert await exchange.asks("GET", "/paper/v1/clock") == before


async def test_it_can_still_be_stopped_and_dies_with_its_process_between_two_lives(exchange: Exchange) -> None:
    await exchange.asks("POST", "/paper/v1/faults", {"rule": "restart", "down_ms": 60_000})

    async def gone() -> bool:
        return await exchange.asks("GET", "/health/live") is None

    await eventually(gone)
    assert exchange.process.stop() == 0
