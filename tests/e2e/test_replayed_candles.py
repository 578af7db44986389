"""Real candles, replayed fast through a fetcher that is killed meanwhile: what it stored is the source, bit for bit.

The two days are those on which real candles are strangest: the venue stood still on 2025-08-29 and nothing was traded
for a quarter of an hour; on 2025-10-10 most of the market fell by half within minutes and came back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import numpy as np
import orjson
import pandas as pd
import pytest
from redis.asyncio import Redis

from bench.rig.relay import Relay, relay
from libs.common.candle_days import read_series
from libs.common.candle_panel import CANDLE
from libs.common.clock import parse_iso
from libs.common.redis_connection import open_redis
from libs.common.units import HOUR_MS, Symbol, Timeframe
from tests.support.panels import real_panel
from tests.support.process import ServiceProcess
from tests.support.waiting import eventually

PANEL: Final = real_panel("binance-perp_2025H2")
SYMBOLS: Final = ("BTCUSDT", "DOGEUSDT", "SOLUSDT")
FRAMES: Final = (Timeframe.M5, Timeframe.M15, Timeframe.M30, Timeframe.H1)
KEYS: Final = [(Symbol(symbol), frame) for symbol in SYMBOLS for frame in FRAMES]
SPEED: Final = 5_000  # a day in seventeen seconds
FETCHER: Final = "fetcher-2"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not PANEL.is_dir(), reason=f"the real panel is not at {PANEL}"),
    pytest.mark.timeout(300),
]


@dataclass
class Replayed:
    """A paper exchange that replays the panel, and a fetcher whose questions go through a relay that counts them."""

    home: Path
    fetcher: ServiceProcess
    redis: Redis
    prefix: str
    seen: Relay

    async def starts(self) -> None:
        self.fetcher.start()
        await eventually(lambda: _port(self.home, FETCHER), within_s=90)

    async def series(self, key: tuple[Symbol, Timeframe]) -> pd.DataFrame:
        """What Redis has, in float64 as a reader of it makes them."""
        rows = await self.redis.xrange(f"{self.prefix}candles:{key[0]}:{key[1]}") or []
        told = [orjson.loads(fields[b"m"]) for _, fields in rows if fields]
        frame = pd.DataFrame([[each["open_at"], *(float(each[name]) for name in CANDLE[1:])] for each in told])
        return frame.set_axis(list(CANDLE), axis=1)

    async def values(self) -> dict[tuple[Symbol, Timeframe], list[list[str]]]:
        """What Redis has, digit by digit."""
        found = {}
        for key in KEYS:
            rows = await self.redis.xrange(f"{self.prefix}candles:{key[0]}:{key[1]}") or []
            told = [orjson.loads(fields[b"m"]) for _, fields in rows if fields]
            found[key] = [[str(each[name]) for name in ("open_at", *CANDLE[1:], "turnover")] for each in told]
        return found

    async def goes_on(self, *, until: int) -> None:
        """Let the market's clock run, and wait until it is there."""
        port = orjson.loads((self.home / "run" / "paper_exchange-2.json").read_bytes())["port"]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            answer = await http.post("/paper/v1/clock", json={"paused": False})
            assert answer.status_code == 200, answer.text

            async def is_there() -> bool:
                return bool((await http.get("/paper/v1/clock")).json()["market_ms"] >= until)

            await eventually(is_there, within_s=120)

    async def is_told(self, until: int) -> bool:
        """Every series ends with the candle that closed last before `until`."""
        for symbol, frame in KEYS:
            newest = await self.redis.xrevrange(f"{self.prefix}candles:{symbol}:{frame}", count=1)
            if not newest or newest[0][1] is None:
                return False
            if orjson.loads(newest[0][1][b"m"])["close_at"] != until - until % frame.ms:
                return False
        return True

    def filed(self, key: tuple[Symbol, Timeframe]) -> pd.DataFrame:
        table = read_series(self.home / "candles" / "live", key)
        assert table is not None
        return table.select(list(CANDLE)).to_pandas()


async def _port(home: Path, name: str) -> int | None:
    """Where a process is, once it is ready."""
    place = home / "run" / f"{name}.json"
    if not place.exists():
        return None
    port: int = orjson.loads(place.read_bytes())["port"]
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            answer = await http.get(f"http://127.0.0.1:{port}/health/ready")
        except httpx.TransportError:
            return None
    return port if answer.status_code == 200 else None


@asynccontextmanager
async def replayed(home: Path, redis_url: str, prefix: str, begin: str, end: str) -> AsyncIterator[Replayed]:
    def process(service: str, name: str, **settings: str) -> ServiceProcess:
        every = {f"IRONKEEL_{key}": value for key, value in settings.items()} | {"IRONKEEL_SERVICE__INSTANCE": name}
        return ServiceProcess(service, home=home, redis_url=redis_url, prefix=prefix, settings=every)

    paper = {"MARKET": f"replay:{PANEL}", "FROM": begin, "TO": end, "SPEED": str(SPEED), "PAUSED": "true"}
    wish = orjson.dumps(SYMBOLS).decode()
    exchange = process(
        "paper_exchange",
        "paper_exchange-2",
        MARKET__SYMBOLS=wish,
        **{f"PAPER__{name}": value for name, value in paper.items()},
    )
    exchange.start()
    redis = open_redis(redis_url)
    try:
        port = await eventually(lambda: _port(home, "paper_exchange-2"), within_s=90)
        assert port is not None
        async with relay(port) as (seen, listens):
            fetcher = process(
                "fetcher",
                FETCHER,
                EXCHANGE__URL=f"http://127.0.0.1:{listens}",
                EXCHANGE__WS_URL=f"ws://127.0.0.1:{port}",
                MARKET__SYMBOLS=wish,
                MARKET__TIMEFRAMES=orjson.dumps(FRAMES).decode(),
                FETCHER__HISTORY="1000",
            )
            yield Replayed(home, fetcher, redis, prefix, seen)
            fetcher.kill()
    finally:
        exchange.kill()
        await redis.aclose()


def is_the_source(stored: pd.DataFrame, key: tuple[Symbol, Timeframe], *, at_least: int) -> None:
    """The stored candles are a stretch of the file without a hole, and every float64 of them is the file's."""
    source = pd.read_parquet(PANEL / f"{key[0]}-{key[1]}.parquet")
    stretch = source[source["ts"].between(stored["ts"].iloc[0], stored["ts"].iloc[-1])]
    assert len(stored) == len(stretch) >= at_least
    for name in CANDLE:
        ours, theirs = stored[name].to_numpy(), stretch[name].to_numpy()
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == theirs.tobytes(), (key, name, stored[ours != theirs].head())


@pytest.mark.parametrize(
    ("begin", "end", "strange"),
    [
        pytest.param("2025-08-29T00:00", "2025-08-30T06:00", "2025-08-29T06:20", id="halt"),
        pytest.param("2025-10-10T12:00", "2025-10-11T12:00", "2025-10-10T21:15", id="crash"),
    ],
)
async def test_what_a_fetcher_stored_of_a_fast_replay_is_the_source_bit_for_bit(
    tmp_path: Path, redis_url: str, redis_prefix: str, begin: str, end: str, strange: str
) -> None:
    until = parse_iso(end)
    async with replayed(tmp_path, redis_url, redis_prefix, begin, end) as running:
        await running.starts()
        await running.goes_on(until=parse_iso(strange) + 2 * HOUR_MS)
        running.fetcher.kill()
        await running.starts()
        await running.goes_on(until=until)
        await eventually(lambda: running.is_told(until), within_s=90)
        before = await running.values()
        assert await asyncio.to_thread(running.fetcher.stop) == 0

        for key in KEYS:
            is_the_source(await running.series(key), key, at_least=1_000)
            is_the_source(running.filed(key), key, at_least=1_000)
        five = running.filed((Symbol("BTCUSDT"), Timeframe.M5)).set_index("ts")
        odd = five.loc[parse_iso(strange)]
        assert odd["volume"] == 0 if "08-29" in strange else odd["high"] / odd["low"] > 1.02

        keys = [key async for key in running.redis.scan_iter(f"{redis_prefix}candles:*")]
        await running.redis.delete(*keys)
        running.seen.asked.clear()
        await running.starts()
        assert not [path for _, path in running.seen.asked if path.endswith("/kline")]
        after = await running.values()
        for key in KEYS:
            assert len(after[key]) >= 1_000
            assert after[key] == before[key][-len(after[key]) :]
            np.testing.assert_array_equal(await running.series(key), running.filed(key).tail(len(after[key])))
