"""The real predictor process on a real Redis: it trains, decides, is killed with SIGKILL, and decides the same."""

from collections.abc import AsyncIterator, Iterator, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random

import httpx
import orjson
import pytest

from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock
from libs.common.contracts.market import CandleClosed, CandlesLoaded
from libs.common.contracts.signals import SignalMade
from libs.common.redis_connection import open_redis
from libs.common.units import HOUR_MS, Instant, Symbol, Timeframe
from services.predictor.core.random_policy import draw
from tests.support.candles import BEGINNING, candle, candles, walk
from tests.support.process import ServiceProcess
from tests.support.waiting import eventually

SYMBOLS = (Symbol("BTCUSDT"), Symbol("ETHUSDT"), Symbol("SOLUSDT"))
FRAMES = (Timeframe.M15, Timeframe.M30, Timeframe.H1)
START = Instant(BEGINNING + 10 * HOUR_MS)
SLOTS = 8
QUICK = {
    "IRONKEEL_PAPER__SPEED": "max",
    "IRONKEEL_PREDICTOR__RANDOM_RATE": "0.7",
    "IRONKEEL_PREDICTOR__FIRST_ROUNDS": "3",
    "IRONKEEL_PREDICTOR__FIRST_BARS": "800",
}


@pytest.fixture
async def bus(redis_url: str, redis_prefix: str) -> AsyncIterator[RedisBus]:
    """The fetcher's hand: 800 stored candles a series up to START."""
    clock = SystemClock()
    async with RedisBus.connect(
        redis_url, prefix=redis_prefix, service="fetcher", instance="fetcher", cursors=None, clock=clock
    ) as made:
        for seed, symbol in enumerate(SYMBOLS):
            for timeframe in FRAMES:
                bars = walk(800, seed=seed, step_ms=timeframe.ms, start=START - 800 * timeframe.ms)
                await made.append_history(candles(symbol, timeframe, bars))
        await made.publish(CandlesLoaded(id="l", cause="", trace="", at=START, universe=SYMBOLS, loaded=SYMBOLS))
        yield made


@pytest.fixture
def service(
    tmp_path: Path, redis_url: str, redis_prefix: str, request: pytest.FixtureRequest
) -> Iterator[ServiceProcess]:
    settings = {**QUICK, "IRONKEEL_PREDICTOR__POLICY": request.param}
    process = ServiceProcess("predictor", home=tmp_path, redis_url=redis_url, prefix=redis_prefix, settings=settings)
    process.start()
    yield process
    process.kill()


def closing_at(slot: Instant) -> Sequence[CandleClosed]:
    closing = [timeframe for timeframe in FRAMES if slot % timeframe.ms == 0]
    return [candle(symbol, timeframe, slot - timeframe.ms) for symbol in SYMBOLS for timeframe in closing]


async def ask(home: Path, path: str) -> httpx.Response | None:
    """GET from the running predictor; None while it is not there."""
    try:
        port = orjson.loads((home / "run" / "predictor-2.json").read_bytes())["port"]
        async with httpx.AsyncClient() as client:
            return await client.get(f"http://127.0.0.1:{port}{path}")
    except (FileNotFoundError, httpx.HTTPError):
        return None


async def ready(home: Path) -> bool:
    answer = await ask(home, "/health/ready")
    return answer is not None and answer.status_code == 200


async def decided(home: Path, slot: Instant) -> bool:
    """Whether every symbol has its verdict on `slot`."""
    answer = await ask(home, "/v1/decisions")
    if answer is None or answer.status_code != 200:
        return False
    return [item["slot"] for item in answer.json()["items"]] == [slot] * len(SYMBOLS)


async def signals(redis_url: str, prefix: str) -> list[SignalMade]:
    rows = await open_redis(redis_url).xrange(f"{prefix}signal") or []
    made = [SignalMade.model_validate_json(fields[b"m"]) for _, fields in rows if fields]
    return [signal.stamped(sent=Instant(0), source="") for signal in made]


async def trade_through(bus: RedisBus, home: Path, service: ServiceProcess, *, dice: Random | None) -> None:
    """Close eight quarters of an hour, each when the one before is decided; with `dice`, kill meanwhile."""
    for number in range(1, SLOTS + 1):
        slot = Instant(START + number * Timeframe.M15.ms)
        for each in closing_at(slot):
            await bus.append_series(each)
            await bus.publish(each)
            if dice is not None and dice.random() < 0.1:
                service.kill()
                service.start()
        await eventually(partial(decided, home, slot), within_s=40)


@pytest.mark.parametrize("service", ["random:1"], indirect=True)
async def test_killed_at_any_moment_it_makes_the_signals_that_it_would_have_made(
    bus: RedisBus, tmp_path: Path, redis_url: str, redis_prefix: str, service: ServiceProcess
) -> None:
    await eventually(partial(ready, tmp_path), within_s=60)
    await trade_through(bus, tmp_path, service, dice=Random(3))
    made = await signals(redis_url, redis_prefix)
    once = {signal.id: signal for signal in made}
    assert all(signal == once[signal.id] for signal in made), "one slot, two different signals"
    slots = [Instant(START + number * Timeframe.M15.ms) for number in range(1, SLOTS + 1)]
    lots = {(symbol, slot): draw(1, symbol, slot, rate=Decimal("0.7")) for symbol in SYMBOLS for slot in slots}
    drawn = {key: lot.side for key, lot in lots.items() if lot}
    assert {(signal.symbol, signal.slot): signal.side for signal in made} == drawn


@pytest.mark.parametrize("service", ["model"], indirect=True)
async def test_the_first_start_trains_and_then_says_why_it_declines(
    bus: RedisBus, tmp_path: Path, service: ServiceProcess
) -> None:
    await eventually(partial(ready, tmp_path), within_s=60)
    assert "training 15m: 100 %" in service.said()
    version = (tmp_path / "models" / "current").read_text()
    assert (tmp_path / "models" / version / "metrics.json").exists()
    await trade_through(bus, tmp_path, service, dice=None)
    answer = await ask(tmp_path, "/v1/decisions")
    assert answer is not None
    item = answer.json()["items"][0]
    assert item["symbol"] == "BTCUSDT"
    assert "timeframes" in item["rationale"]
    assert len(item["votes"]) == 3
    assert service.stop() == 0, service.said()
