"""SIGKILL to the exchange at any moment: what it accepted is there, what it told stays told, time goes on."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
import orjson
import pytest
from pydantic import JsonValue

from libs.common.ids import OrderName
from libs.common.units import MINUTE_MS, Instant, Symbol
from services.paper_exchange.core.judging.verdict import judge
from tests.support.bybit_signed import tell
from tests.support.process import ServiceProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio
BTC = Symbol("BTCUSDT")
LIVES = 4


@dataclass
class Exchange:
    """The real process, restarted on the same home."""

    process: ServiceProcess
    home: Path
    http: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)

    async def starts(self) -> None:
        self.process.start()
        await eventually(self.answers)

    async def answers(self) -> bool:
        place = self.home / "run" / "paper_exchange-2.json"
        if not place.exists():
            return False
        await self.http.aclose()
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{orjson.loads(place.read_bytes())['port']}")
        try:
            return (await self.http.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    def dies(self) -> None:
        self.process.kill()
        (self.home / "run" / "paper_exchange-2.json").unlink(missing_ok=True)

    async def asks(self, path: str, **fields: JsonValue) -> dict[str, JsonValue]:
        answer: dict[str, JsonValue] = await tell(self.http, path, **fields)
        return answer

    async def audit(self) -> dict[str, JsonValue]:
        rows: dict[str, JsonValue] = (await self.http.get("/paper/v1/audit")).json()
        return rows

    async def market_ms(self) -> int:
        return int((await self.http.get("/paper/v1/clock")).json()["market_ms"])


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    settings = {"IRONKEEL_PAPER__SPEED": "300", "IRONKEEL_PAPER__SYMBOLS": "2", "IRONKEEL_PAPER__LIMITS": "off"}
    process = ServiceProcess("paper_exchange", home=tmp_path, redis_url="", prefix="t:", settings=settings)
    running = Exchange(process, tmp_path)
    yield running
    running.dies()


async def trade(exchange: Exchange, accepted: set[str], life: int) -> None:
    """Open and close for ever; note every order that was answered with success."""
    left_over: dict[str, JsonValue] = {
        "side": "Sell",
        "orderType": "Market",
        "qty": "0",
        "reduceOnly": True,
        "closeOnTrigger": True,
    }
    await exchange.asks("order/create", **left_over)
    for number in range(10_000):
        slot = Instant((life * 10_000 + number) * MINUTE_MS)
        for side, purpose in (("Buy", "e"), ("Sell", "x1")):
            link = OrderName(BTC, slot, purpose).link_id()
            answer = await exchange.asks(
                "order/create",
                side=side,
                orderType="Market",
                qty="0.001",
                orderLinkId=link,
                reduceOnly=side == "Sell",
                **({"stopLoss": "1000"} if side == "Buy" else {}),
            )
            assert answer["retCode"] == 0, answer
            accepted.add(link)


async def test_what_was_accepted_survives_every_kill_and_the_books_stay_whole(exchange: Exchange) -> None:
    dice, accepted, told_ms = Random(11), set[str](), 0
    for life in range(LIVES):
        await exchange.starts()
        assert await exchange.market_ms() >= told_ms  # market time never goes back
        trading = asyncio.create_task(trade(exchange, accepted, life))
        await asyncio.sleep(dice.uniform(0.1, 0.6))
        told_ms = await exchange.market_ms()
        exchange.dies()
        with pytest.raises((httpx.TransportError, asyncio.CancelledError)):
            await trading
    await exchange.starts()
    audit = await exchange.audit()
    orders = audit["orders"]
    assert isinstance(orders, list)
    kept = {row["orderLinkId"] for row in orders if isinstance(row, dict)}
    assert accepted <= kept
    assert len(accepted) > LIVES
    verdict = judge(audit, max_positions=1)
    assert verdict.holds, verdict.violations


async def test_an_order_id_stays_used_and_a_stop_stays_set_across_a_kill(exchange: Exchange) -> None:
    await exchange.starts()
    entry: dict[str, JsonValue] = {"side": "Buy", "orderType": "Market", "qty": "0.001", "orderLinkId": "once"}
    assert (await exchange.asks("order/create", **entry, stopLoss="1000"))["retCode"] == 0
    before = await exchange.audit()
    exchange.dies()
    await exchange.starts()
    assert (await exchange.asks("order/create", **entry))["retCode"] == 110072
    assert (await exchange.asks("position/trading-stop", stopLoss="1000"))["retCode"] == 34040
    after = await exchange.audit()
    assert after["fills"] == before["fills"]
    assert after["positions"] == before["positions"]


async def test_books_of_another_world_are_refused(exchange: Exchange, tmp_path: Path) -> None:
    await exchange.starts()
    assert exchange.process.stop() == 0
    other = ServiceProcess(
        "paper_exchange", home=tmp_path, redis_url="", prefix="t:", settings={"IRONKEEL_PAPER__SEED": "8"}
    )
    other.start()

    async def ended() -> bool:
        return other.exit_code() is not None

    await eventually(ended)
    assert other.exit_code() == 2
    assert "holds the books of synthetic seed 7" in other.said()
