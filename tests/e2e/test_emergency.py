"""The kill switch of the command line when nothing of ours can carry it: Redis gone, the executor gone or alive."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx
import orjson
import pytest

from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock
from libs.common.contracts.signals import SignalMade
from libs.common.exchange.bybit_client import BybitClient
from libs.common.exchange.ccxt_trading import CcxtTrading
from libs.common.exchange.trading_types import Accepted, Action, OrderRequest, Stamp
from libs.common.ids import OrderName
from libs.common.units import MINUTE_MS, Instant, Price, Qty, Symbol, floor_to
from tests.support import builders
from tests.support.paper_venue import KEY, SECRET, PaperVenue, paper_venue
from tests.support.process import ServiceProcess
from tests.support.redis import RedisServer
from tests.support.system import ROOT, free_port_base
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio
BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")
HALT = "HALT"


@dataclass
class Scene:
    """The paper exchange in this process, and a home that the command line is told."""

    home: Path
    venue: PaperVenue
    trading: CcxtTrading
    base: int

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "IRONKEEL_EXCHANGE__URL": self.venue.endpoint.rest,
            "IRONKEEL_EXCHANGE__WS_URL": f"{self.venue.endpoint.rest.replace('http', 'ws')}",
            "IRONKEEL_PORTS__BASE": str(self.base),
        }

    async def types(self, *words: str) -> tuple[int, str]:
        """`ironkeel …` as a person types it; returns exit code and output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ironkeel", *words, "--home", str(self.home)),
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", **self.settings},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    @property
    def level(self) -> str:
        return (self.home / HALT).read_text().split("\n")[0]

    async def opens(self) -> str:
        """A long of ours with its stop, and a working entry in another symbol; returns the name of the latter."""
        slot = await self.slot()
        price = self.venue.price(BTC)
        stop = Price(floor_to(price * Decimal("0.95"), Decimal("0.1")))
        entry = OrderRequest(BTC, Action.BUY, Qty(Decimal("0.002")), OrderName(BTC, slot, "e").link_id(), False, stop)
        stamp = Stamp(SystemClock().now(), 3_000)
        assert isinstance(await self.trading.create_order(entry, stamp), Accepted)
        working = OrderName(ETH, slot, "e").link_id()
        client = BybitClient(self.venue.endpoint, SystemClock(), key=KEY, secret=SECRET)
        limit = floor_to(self.venue.price(ETH) * Decimal("0.5"), Decimal("0.1"))
        order = {"category": "linear", "symbol": ETH, "side": "Buy", "orderType": "Limit", "qty": "0.1"}
        await client.ask("private_post_v5_order_create", {**order, "price": str(limit), "orderLinkId": working}, stamp)
        await client.close()
        return working

    async def slot(self) -> Instant:
        now = await self.trading.market_time()
        return Instant(now - now % (15 * MINUTE_MS))

    async def open_symbols(self) -> list[str]:
        return [position.symbol for position in await self.trading.positions()]

    async def working(self) -> list[str]:
        return [order.link_id for order in await self.trading.open_orders() if order.link_id]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with paper_venue(tmp_path) as venue:
        trading = CcxtTrading(venue.endpoint, SystemClock(), Random(1), key=KEY, secret=SECRET)
        await trading.server_time()
        yield Scene(tmp_path, venue, trading, free_port_base())
        await trading.close()


async def test_with_redis_and_the_executor_down_the_tool_halts_and_flattens_at_the_venue(scene: Scene) -> None:
    working = await scene.opens()
    assert await scene.types("pause") == (0, "the executor cannot be told: HALT is on disk, nothing will be entered\n")
    assert scene.level == "paused"
    assert await scene.working() == [working]

    code, said = await scene.types("halt", "--reason", "fire")
    assert (code, scene.level) == (0, "halted"), said
    assert f"cancel {working}: accepted" in said
    assert await scene.working() == []
    [position] = await scene.trading.positions()
    assert position.stop is not None

    code, said = await scene.types("flatten")
    assert (code, said.splitlines()[-1]) == (0, "flat"), said
    assert await scene.open_symbols() == []
    books: Any = await scene.venue.audit()
    [closing] = [order for order in books["orders"] if order["reduceOnly"] and order["orderLinkId"]]
    assert closing["orderLinkId"] == OrderName(BTC, await scene.slot(), "x1").link_id()

    code, said = await scene.types("resume", "--halted")
    assert code == 1, "nobody could be told, and it says so"
    assert "executor does not answer" in said


@asynccontextmanager
async def bus_of(redis: RedisServer) -> AsyncIterator[RedisBus]:
    connected = RedisBus.connect(
        redis.url, prefix="ik:", service="predictor", instance="predictor", cursors=None, clock=SystemClock()
    )
    async with connected as bus:
        yield bus


async def signal(scene: Scene, symbol: Symbol) -> SignalMade:
    slot, price = await scene.slot(), Price(scene.venue.price(symbol))
    decision = builders.decision(price=price, atr=Price(price / 100))
    after = Instant(slot + 60 * MINUTE_MS)
    return builders.signal(symbol, slot=slot, at=slot, valid_until=after, decision=decision)


@pytest.fixture
def executor(scene: Scene, redis_server: RedisServer) -> Iterator[ServiceProcess]:
    said = {**scene.settings, "IRONKEEL_SERVICE__INSTANCE": "executor"}
    process = ServiceProcess("executor", home=scene.home, redis_url=redis_server.url, prefix="ik:", settings=said)
    yield process
    process.kill()


async def test_with_redis_down_a_living_executor_obeys_the_tool_all_the_same(
    scene: Scene, redis_server: RedisServer, executor: ServiceProcess
) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{scene.base}") as http:
        tell = partial(told, http)
        await redis_server.restart()
        executor.start()
        await eventually(partial(tell, "/health/ready"))
        async with bus_of(redis_server) as bus:
            await bus.publish(await signal(scene, BTC))
            await eventually(scene.open_symbols)
        redis_server.kill()

        code, said = await scene.types("halt", "--reason", "fire")
        assert (code, scene.level) == (0, "halted"), said
        assert (await tell("/v1/status"))["entries"] == "halted"
        assert await scene.open_symbols() == [BTC]
        code, said = await scene.types("flatten")
        assert (code, said.splitlines()[-1]) == (0, "flat"), said
        assert await scene.open_symbols() == []

        async def booked() -> Any:
            return (await tell("/v1/trades"))["items"]

        [trade] = await eventually(booked)  # it noticed, and asked the venue for the figures
        assert trade["symbol"] == BTC

        await redis_server.restart()
        async with bus_of(redis_server) as bus:
            await bus.publish(await signal(scene, ETH))

            async def declined() -> Any:
                return (await tell("/v1/declined"))["items"]

            [refused] = await eventually(declined)
        assert refused["rule"] == "switch"
        code, said = await scene.types("resume", "--halted")
        assert code == 0, said

        async def is_open() -> bool:
            return bool((await tell("/v1/status"))["entries"] == "open")

        await eventually(is_open)
    assert not (scene.home / HALT).exists()
    assert executor.stop() == 0, executor.said()


async def told(http: httpx.AsyncClient, path: str) -> Any:
    """What the executor answers; None while it does not."""
    try:
        answer = await http.get(path)
    except httpx.TransportError:
        return None
    return orjson.loads(answer.content) if answer.is_success else None
