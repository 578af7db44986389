"""SIGKILL to fetchers that share the symbols: no closed candle is missing and none is told twice."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import pytest

from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock
from libs.common.contracts.market import CandleClosed, CandleMissing
from libs.common.units import Symbol, Timeframe
from tests.support.paper_venue import PaperVenue, paper_venue
from tests.support.process import ServiceProcess
from tests.support.waiting import eventually, take

FRAMES = (Timeframe.M15, Timeframe.M30, Timeframe.H1)


@dataclass
class Market:
    """Two real fetchers on a real Redis, at a paper exchange that the test steps."""

    venue: PaperVenue
    fetchers: dict[str, ServiceProcess]
    bus: RedisBus
    home: Path

    @property
    def symbols(self) -> list[Symbol]:
        return [instrument.symbol for instrument in self.venue.world.market.instruments]

    async def starts(self, name: str) -> None:
        self.fetchers[name].start()

        async def is_ready() -> bool:
            file = self.home / "run" / f"{name}.json"
            if not file.exists():
                return False
            async with httpx.AsyncClient(trust_env=False) as http:
                try:
                    answer = await http.get(f"http://127.0.0.1:{orjson.loads(file.read_bytes())['port']}/health/ready")
                except httpx.TransportError:
                    return False
                return answer.status_code == 200

        await eventually(is_ready, within_s=60)

    def dies(self, name: str) -> None:
        self.fetchers[name].kill()
        (self.home / "run" / f"{name}.json").unlink(missing_ok=True)

    async def quarter_passes(self) -> None:
        await self.venue.steps(Timeframe.M15.ms)

    async def is_told(self) -> bool:
        """Every series ends with the newest candle that has closed."""
        now = self.venue.world.now
        for symbol in self.symbols:
            for frame in FRAMES:
                newest = await self.bus.series(symbol, frame, newest=1)
                if not newest or newest[0].close_at != now - now % frame.ms:
                    return False
        return True

    async def announced(self, number: int) -> list[CandleClosed]:
        """The first `number` candles on the stream, and nothing but candles there."""
        found: list[CandleClosed] = []
        reading = self.bus.read(["candle"])
        while len(found) < number:
            [delivery] = await take(reading, 1)
            assert not isinstance(delivery.message, CandleMissing)
            if isinstance(delivery.message, CandleClosed):
                found.append(delivery.message)
        return found


@pytest.fixture
async def market(tmp_path: Path, redis_url: str, redis_prefix: str) -> AsyncIterator[Market]:
    async with (
        paper_venue(tmp_path / "venue") as venue,
        RedisBus.connect(
            redis_url, prefix=redis_prefix, service="test", instance="test", cursors=None, clock=SystemClock()
        ) as bus,
    ):
        settings = {
            "IRONKEEL_EXCHANGE__URL": venue.endpoint.rest,
            "IRONKEEL_EXCHANGE__WS_URL": venue.endpoint.ws_public,
            "IRONKEEL_FETCHER__HISTORY": "500",
            "IRONKEEL_FETCHER__PRICE_INTERVAL_MS": "0",
        }
        fetchers = {
            name: ServiceProcess(
                "fetcher",
                home=tmp_path,
                redis_url=redis_url,
                prefix=redis_prefix,
                settings=settings | {"IRONKEEL_SERVICE__INSTANCE": name},
            )
            for name in ("fetcher-2", "fetcher-3")
        }
        yield Market(venue, fetchers, bus, tmp_path)
        for fetcher in fetchers.values():
            fetcher.kill()


@pytest.mark.timeout(240)
async def test_a_killed_fetchers_symbols_go_on_elsewhere_without_a_gap_or_a_repeat(market: Market) -> None:
    await market.starts("fetcher-2")
    began = market.venue.world.now
    await market.starts("fetcher-3")
    for victim in (None, "fetcher-2", None, "fetcher-3", None):
        if victim:
            market.dies(victim)
        await market.quarter_passes()
        await eventually(market.is_told, within_s=60)
        if victim:
            await market.starts(victim)
    ended = market.venue.world.now
    expected = {
        (symbol, frame, open_at)
        for symbol in market.symbols
        for frame in FRAMES
        for open_at in range(began - began % frame.ms, ended - frame.ms + 1, frame.ms)
    }
    told = await market.announced(len(expected))
    assert sorted((c.symbol, c.timeframe, c.open_at) for c in told) == sorted(expected)
    for symbol in market.symbols:
        for frame in FRAMES:
            opens = [candle.open_at for candle in await market.bus.series(symbol, frame)]
            assert opens == list(range(opens[0], opens[-1] + 1, frame.ms))
            assert len(opens) >= 500


async def test_a_fetcher_that_is_told_to_stop_gives_its_symbols_back_at_once(market: Market) -> None:
    await market.starts("fetcher-2")
    await market.starts("fetcher-3")
    code = await asyncio.to_thread(market.fetchers["fetcher-2"].stop)
    assert code == 0
    await market.quarter_passes()
    await eventually(market.is_told, within_s=30)
