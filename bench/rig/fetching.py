"""Fetchers between a venue and the embedded Redis: what they make late, and what they and Redis take."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from redis.asyncio import Redis

from bench.rig.asked import once, post
from bench.rig.machine import busy_s, rss_mb, spread
from bench.rig.process import Served, exchange, fetcher, redis_server, scripted_venue
from bench.rig.relay import Relay, relay
from bench.rig.tailing import Tail, tailing
from bench.rig.waiting import is_ready, read, until
from libs.common.redis_connection import open_redis

QUARTERS: Final = 4  # of an hour: at its end the candles of all timeframes close
APART_S: Final = 1.0
SETTLES_S: Final = 2.0
STARTS_S: Final = 180.0
HISTORY: Final = 500


@dataclass(frozen=True, slots=True)
class Pace:
    """Times a second: a symbol's price moves; a series' candle that is forming is told."""

    tickers: float
    forming: float


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of CPU so far, and what went through Redis."""

    at: float  # monotonic s
    hands_s: float
    venue_s: float
    redis_s: float
    redis_commands: int
    redis_bytes: int
    asked: int


@dataclass(slots=True)
class Measured:
    """What one run or several found; shares of a core in per cent, times in ms, rates a second."""

    late: dict[int, list[float]] = field(default_factory=dict)  # how many candles closed at once -> each one's
    price_late: list[float] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)
    hands: list[float] = field(default_factory=list)  # all fetchers together
    venue: list[float] = field(default_factory=list)
    redis: list[float] = field(default_factory=list)
    commands: list[float] = field(default_factory=list)
    bytes: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)  # of every fetcher at the end
    redis_mb: float = 0.0
    asked: int = 0  # requests over REST


@dataclass(slots=True)
class Hall:
    """Venue, Redis, fetchers and the relay before the venue's REST, all running."""

    venue: Served
    redis: Redis
    hands: Sequence[Served]
    seen: Relay

    async def tell(self, path: str, body: object) -> Any:
        return json.loads(await once(self.venue, post(path, body)))

    async def measure(self, runs: int, seconds: float, pace: Pace | None) -> Measured:
        """Let an hour of the market pass in every run, which lasts `seconds` at least.

        Without a pace the market, which is the paper exchange's, is left alone, and nothing of it is dated.
        """
        if pace is not None:
            await self.tell("/rate", {"tickers": pace.tickers, "forming": pace.forming})
        await asyncio.sleep(SETTLES_S)
        found = Measured()
        for _ in range(runs):
            async with tailing(self.redis, "price") as prices, tailing(self.redis, "candle") as candles:
                await asyncio.sleep(0.2)
                before = await self._taken()
                if pace is not None:
                    await self._hour(candles, found)
                await asyncio.sleep(max(0.0, before.at + seconds - time.monotonic()))
                after = await self._taken()
            self._note(before, after, prices, found, is_dated=pace is not None)
        found.rss_mb = [rss_mb(hand.pid) for hand in self.hands]
        found.redis_mb = float((await self.redis.info("memory"))["used_memory"]) / 2**20
        return found

    async def _hour(self, candles: Tail, found: Measured) -> None:
        for _ in range(QUARTERS):
            await asyncio.sleep(APART_S)
            before = len(candles.batches)
            closed = int((await self.tell("/close", {}))["closed"])

            def now(first: int = before) -> list[tuple[float, dict[str, Any]]]:
                return Tail(candles.batches[first:]).entries("candle.closed.v1")

            async def are_there(wanted: int = closed) -> bool:
                return len(now()) >= wanted

            await until(are_there, f"{closed} candles", every_s=0.2)
            late = [(at - float(said["volume"])) * 1_000 for at, said in now()]
            found.late.setdefault(closed, []).extend(late)

    def _note(self, before: Taken, after: Taken, prices: Tail, found: Measured, *, is_dated: bool) -> None:
        lasted = after.at - before.at
        moved = prices.entries("price.moved.v1")
        if is_dated:
            found.price_late += [(at - float(said["last"])) * 1_000 for at, said in moved]
        found.prices.append(len(moved) / lasted)
        found.hands.append((after.hands_s - before.hands_s) / lasted * 100)
        found.venue.append((after.venue_s - before.venue_s) / lasted * 100)
        found.redis.append((after.redis_s - before.redis_s) / lasted * 100)
        found.commands.append((after.redis_commands - before.redis_commands) / lasted)
        found.bytes.append((after.redis_bytes - before.redis_bytes) / lasted)
        found.asked += after.asked - before.asked

    async def _taken(self) -> Taken:
        said: Mapping[str, Any] = await self.redis.info()
        return Taken(
            at=time.monotonic(),
            hands_s=sum(busy_s(hand.pid) for hand in self.hands),
            venue_s=busy_s(self.venue.pid),
            redis_s=float(said["used_cpu_sys"]) + float(said["used_cpu_user"]),
            redis_commands=int(said["total_commands_processed"]),
            redis_bytes=int(said["total_net_input_bytes"]),
            asked=len(self.seen.asked),
        )


@asynccontextmanager
async def hall(symbols: int, replicas: int, *, paper: bool = False) -> AsyncIterator[Hall]:
    """Run `replicas` fetchers that share `symbols`, until all of them are ready.

    paper: the venue is the paper exchange at the market's own speed, not the scripted one.
    """
    async with AsyncExitStack() as stack:
        market = exchange({"symbols": str(symbols), "speed": "1"}) if paper else scripted_venue(symbols)
        venue = await asyncio.to_thread(stack.enter_context, market)
        home = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        url = await asyncio.to_thread(stack.enter_context, redis_server(home))
        seen, port = await stack.enter_async_context(relay(venue.port))
        settings = {
            "IRONKEEL_REDIS__URL": url,
            "IRONKEEL_EXCHANGE__URL": f"http://127.0.0.1:{port}",
            "IRONKEEL_EXCHANGE__WS_URL": f"ws://127.0.0.1:{venue.port}",
            "IRONKEEL_MARKET__SYMBOLS": f"top:{symbols}",
            "IRONKEEL_FETCHER__HISTORY": str(HISTORY),
        }
        names = ["fetcher", *(f"fetcher-{chr(ord('a') + n)}" for n in range(1, replicas))]
        hands = [await asyncio.to_thread(stack.enter_context, fetcher(home, settings, instance=name)) for name in names]
        redis = open_redis(url)
        stack.push_async_callback(redis.aclose)

        async def are_settled() -> bool:
            told = [json.loads(await read(hand, "/health/progress")) for hand in hands]
            shares = [said["facts"].get("symbols", 0) for said in told]
            return sum(shares) == symbols and max(shares) <= -(-symbols // replicas)

        async def are_ready() -> bool:
            return all([await is_ready(hand) for hand in hands]) and await are_settled()

        await until(are_ready, "fetchers with their shares and history", within_s=STARTS_S)
        yield Hall(venue, redis, hands, seen)


def quantiles(took: Sequence[float]) -> str:
    p50, p99 = spread(took)
    return f"p50 {p50:.1f}  p99 {p99:.1f}  max {max(took):.1f} ms (n={len(took)})"
