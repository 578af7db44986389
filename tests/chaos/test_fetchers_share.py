"""Fetchers at a market that does not wait: one dies or hangs, the others have its symbols within ten seconds.

Everything here is a real process, and the market runs on by its own clock while nobody fetches half of it.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import httpx
import orjson
import pytest
from pydantic import JsonValue
from redis.asyncio import Redis

from libs.common.redis_connection import open_redis
from libs.common.units import Timeframe
from tests.support.process import ServiceProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(120)

INTERVALS = {Timeframe.M15: "15", Timeframe.M30: "30", Timeframe.H1: "60"}
FIRST, SECOND, THIRD = "fetcher-2", "fetcher-3", "fetcher-4"
SPEED = 300  # a quarter of an hour in three seconds
HAND_OVER_S = 10
SHOWN = ("open", "high", "low", "close", "volume", "turnover")

Row = dict[str, JsonValue]


@dataclass
class Market:
    """A paper exchange and two fetchers as they run at a user's, all in one home."""

    home: Path
    exchange: ServiceProcess
    fetchers: dict[str, ServiceProcess]
    redis: Redis
    prefix: str
    http: httpx.AsyncClient

    async def port(self, name: str) -> int | None:
        """Where a process is, once it is ready."""
        place = self.home / "run" / f"{name}.json"
        if not place.exists():
            return None
        port: int = orjson.loads(place.read_bytes())["port"]
        try:
            answer = await self.http.get(f"http://127.0.0.1:{port}/health/ready")
        except httpx.TransportError:
            return None
        return port if answer.status_code == 200 else None

    async def starts(self, name: str) -> int:
        (self.home / "run" / f"{name}.json").unlink(missing_ok=True)  # of one that was killed
        (self.exchange if name.startswith("paper") else self.fetchers[name]).start()
        found = await eventually(lambda: self.port(name), within_s=60)
        assert found is not None
        return found

    async def asked(self, path: str, **query: str | int) -> Row:
        answer: Row = (await self.http.get(f"{self.venue}{path}", params=query)).json()
        return answer

    @property
    def venue(self) -> str:
        run = orjson.loads((self.home / "run" / "paper_exchange-2.json").read_bytes())
        return f"http://127.0.0.1:{run['port']}"

    async def now(self) -> int:
        return int(str((await self.asked("/paper/v1/clock"))["market_ms"]))

    async def share(self, name: str) -> set[str]:
        """The symbols that this fetcher has the lease of."""
        found = set()
        async for key in self.redis.scan_iter(f"{self.prefix}lease:fetcher:*"):
            if await self.redis.get(key) == name.encode():
                found.add(key.decode().rpartition(":")[2])
        return found

    async def series(self, symbol: str, frame: Timeframe) -> list[Row]:
        rows = await self.redis.xrange(f"{self.prefix}candles:{symbol}:{frame}") or []
        return [orjson.loads(fields[b"m"]) for _, fields in rows if fields]

    async def announced(self) -> dict[tuple[str, str], list[int]]:
        """The open times on the broadcast, series by series, as they came."""
        found = defaultdict(list)
        for _, fields in await self.redis.xrange(f"{self.prefix}candle") or []:
            assert fields is not None
            assert fields[b"t"] != b"candle.missing.v1", fields[b"m"]
            if fields[b"t"] == b"candle.closed.v1":
                told = orjson.loads(fields[b"m"])
                found[told["symbol"], told["timeframe"]].append(told["open_at"])
        return found

    async def is_told(self, until: int) -> bool:
        """Every series ends with the candle that closed last before `until`."""
        for symbol in await self.symbols():
            for frame in INTERVALS:
                rows = await self.series(symbol, frame)
                if not rows or rows[-1]["close_at"] != until - until % frame.ms:
                    return False
        return True

    async def symbols(self) -> list[str]:
        result = (await self.asked("/v5/market/tickers", category="linear"))["result"]
        assert isinstance(result, dict)
        listed = result["list"]
        assert isinstance(listed, list)
        return sorted(str(row["symbol"]) for row in listed if isinstance(row, dict))

    async def shown(self, symbol: str, frame: Timeframe, start: int) -> dict[int, list[str]]:
        """What the exchange itself says of a series."""
        query: dict[str, str | int] = {"category": "linear", "symbol": symbol, "interval": INTERVALS[frame]}
        result = (await self.asked("/v5/market/kline", **query, start=start, limit=1000))["result"]
        assert isinstance(result, dict)
        listed = result["list"]
        assert isinstance(listed, list)
        return {int(str(row[0])): [str(each) for each in row[1:]] for row in listed if isinstance(row, list)}

    async def stands_still(self) -> int:
        answer = await self.http.post(f"{self.venue}/paper/v1/clock", json={"paused": True})
        assert answer.status_code == 200, answer.text
        return await self.now()

    async def is_shared(self, *names: str) -> bool:
        """Whether these fetchers have all symbols between them, even within one, and no other has any."""
        shares = [await self.share(name) for name in names]
        sizes = [len(share) for share in shares]
        return sum(sizes) == len(set().union(*shares)) == len(await self.symbols()) and max(sizes) - min(sizes) <= 1

    async def passes(self, market_ms: int) -> None:
        """Wait until the market has gone on by so much."""
        until = await self.now() + market_ms

        async def has_passed() -> bool:
            return await self.now() >= until

        await eventually(has_passed)

    async def verdict(self, began: int) -> None:
        """Stop the market, let everything be told, and hold it against what the exchange says itself.

        Every series has every candle once, in order, and of those that closed after `began` each was announced once.
        """
        ended = await self.stands_still()
        await eventually(lambda: self.is_told(ended))
        announced = await self.announced()
        for symbol in await self.symbols():
            for frame in INTERVALS:
                stored = await self.series(symbol, frame)
                opens = [int(str(candle["open_at"])) for candle in stored]
                assert {later - earlier for earlier, later in pairwise(opens)} == {frame.ms}
                assert len(opens) >= 500
                shown = await self.shown(symbol, frame, opens[0])
                assert [[candle[name] for name in SHOWN] for candle in stored] == [shown[open_at] for open_at in opens]
                told = announced[symbol, frame]
                assert told == list(range(told[0], opens[-1] + 1, frame.ms))
                assert told[0] <= began - began % frame.ms  # whatever closed after all were ready


@asynccontextmanager
async def market_of(
    home: Path, redis_url: str, redis_prefix: str, *, symbols: int, fetchers: Sequence[str]
) -> AsyncIterator[Market]:
    def process(service: str, name: str, **settings: str) -> ServiceProcess:
        every = {f"IRONKEEL_{key}": value for key, value in settings.items()} | {"IRONKEEL_SERVICE__INSTANCE": name}
        return ServiceProcess(service, home=home, redis_url=redis_url, prefix=redis_prefix, settings=every)

    paper = {"PAPER__SPEED": str(SPEED), "PAPER__SYMBOLS": str(symbols)}
    exchange = process("paper_exchange", "paper_exchange-2", **paper)
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        made = Market(home, exchange, {}, open_redis(redis_url), redis_prefix, http)
        try:
            at = f"127.0.0.1:{await made.starts('paper_exchange-2')}"
            for name in fetchers:
                made.fetchers[name] = process(
                    "fetcher",
                    name,
                    EXCHANGE__URL=f"http://{at}",
                    EXCHANGE__WS_URL=f"ws://{at}",
                    FETCHER__HISTORY="500",
                )
            yield made
        finally:
            for running in (*made.fetchers.values(), exchange):
                running.kill()
            await made.redis.aclose()


async def test_a_killed_fetchers_symbols_are_fetched_by_the_other_and_no_candle_is_missing_or_repeated(
    tmp_path: Path, redis_url: str, redis_prefix: str
) -> None:
    async with market_of(tmp_path, redis_url, redis_prefix, symbols=4, fetchers=(FIRST, SECOND)) as market:
        for name in (FIRST, SECOND):
            await market.starts(name)
        await eventually(lambda: market.is_shared(FIRST, SECOND))
        began = await market.now()
        market.fetchers[FIRST].kill()
        await eventually(lambda: market.is_shared(SECOND), within_s=HAND_OVER_S)
        await market.passes(2 * Timeframe.M15.ms)
        await market.verdict(began)


@pytest.mark.timeout(300)
async def test_fetchers_that_are_killed_and_paused_under_load_lose_repeat_and_disorder_no_candle(
    tmp_path: Path, redis_url: str, redis_prefix: str
) -> None:
    every = (FIRST, SECOND, THIRD)
    async with market_of(tmp_path, redis_url, redis_prefix, symbols=14, fetchers=every) as market:
        for name in every:
            await market.starts(name)
        await eventually(lambda: market.is_shared(*every))
        began = await market.now()
        for victim, other in ((FIRST, SECOND), (THIRD, FIRST)):
            survivors = [name for name in every if name != victim]
            before = {name: await market.share(name) for name in survivors}
            market.fetchers[victim].pause()
            await eventually(partial(market.is_shared, *survivors), within_s=HAND_OVER_S)
            for name in survivors:
                assert before[name] <= await market.share(name), "what the living had did not move"
            await market.passes(Timeframe.M15.ms)
            market.fetchers[victim].resume()  # with its connection, its frames and its belief of before
            await eventually(lambda: market.is_shared(*every), within_s=HAND_OVER_S)
            market.fetchers[other].kill()
            left = [name for name in every if name != other]
            await eventually(partial(market.is_shared, *left), within_s=HAND_OVER_S)
            await market.starts(other)
            await eventually(lambda: market.is_shared(*every), within_s=HAND_OVER_S)
        await market.verdict(began)
