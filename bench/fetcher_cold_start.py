"""An empty Redis and an empty disk: 50 symbols x 3 timeframes x 1,000 candles, until Redis and the files have them.

    python -m bench.fetcher_cold_start [--runs 3] [--late-ms 50]

The venue is the paper exchange with the venue's own limits, 600 requests of an address in 5 s, and every request is
`late-ms` on its way to it; its history was asked for once before, so that inventing it is not measured. In each run the
same 150 series are loaded by a fetcher, by ccxt alone with its own limiter, and by ccxt without it, as many at once as
the fetcher asks. The floor is 150 requests at the 120 a second that the venue allows for good; a burst of 150 alone
would be let through at once.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import uvloop
from redis.asyncio import Redis

from bench.rig.asked import get, once, traded
from bench.rig.machine import Figures, busy_s, noise, rss_mb
from bench.rig.process import Served, exchange, fetcher, redis_server
from bench.rig.relay import Relay, relay
from bench.rig.tailing import PREFIX
from bench.rig.waiting import is_ready, until
from libs.common.redis_connection import open_redis
from libs.common.units import Timeframe

SYMBOLS: Final = 50
TIMEFRAMES: Final = {Timeframe.M15: "15", Timeframe.M30: "30", Timeframe.H1: "60"}
CANDLES: Final = 1_000
ALLOWED: Final = 120  # requests a second, for good
WINDOW_S: Final = 5.5  # after which the venue has forgotten what was asked
AT_ONCE: Final = 16
KLINE: Final = "GET /v5/market/kline"
_SHORTEST: Final = """
local shortest = math.huge
for n = 1, #KEYS do shortest = math.min(shortest, redis.call('XLEN', KEYS[n])) end
return shortest
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Seconds from the first question for candles: until Redis has all, until it is ready, until the files have all."""

    stored_s: float
    ready_s: float
    filed_s: float
    start_s: float  # from the start of the process to the first question
    cpu_s: float  # from the first question until everything is filed
    redis_cpu_s: float
    rss_mb: float
    asked: int


async def load(venue: Served, symbols: Sequence[str], late_s: float) -> Loaded:
    """Start a fetcher in a home of its own and let it load everything."""
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        url = await asyncio.to_thread(stack.enter_context, redis_server(home))
        seen, port = await stack.enter_async_context(relay(venue.port, late_s=late_s))
        redis = open_redis(url)
        stack.push_async_callback(redis.aclose)
        settings = {
            "IRONKEEL_REDIS__URL": url,
            "IRONKEEL_EXCHANGE__URL": f"http://127.0.0.1:{port}",
            "IRONKEEL_EXCHANGE__WS_URL": f"ws://127.0.0.1:{venue.port}",
            "IRONKEEL_MARKET__SYMBOLS": f"top:{SYMBOLS}",
            "IRONKEEL_FETCHER__HISTORY": str(CANDLES),
        }
        began = time.monotonic()
        hand = await asyncio.to_thread(stack.enter_context, fetcher(home, settings))
        await until(lambda: _is_asking(seen), "a question for candles", every_s=0.01)
        first, busy, served = _klines(seen)[0], busy_s(hand.pid), await _redis_s(redis)
        await until(lambda: _is_stored(redis, symbols), "all candles in Redis", every_s=0.02)
        stored = time.monotonic()
        await until(lambda: is_ready(hand), "a fetcher with its history", every_s=0.05)
        ready = time.monotonic()
        await until(lambda: _is_filed(home), "a file of every series", every_s=0.05)
        return Loaded(
            stored_s=stored - first,
            ready_s=ready - first,
            filed_s=time.monotonic() - first,
            start_s=first - began,
            cpu_s=busy_s(hand.pid) - busy,
            redis_cpu_s=await _redis_s(redis) - served,
            rss_mb=rss_mb(hand.pid),
            asked=len(_klines(seen)),
        )


def _klines(seen: Relay) -> list[float]:
    return [at for at, what in seen.asked if what == KLINE]


async def _is_asking(seen: Relay) -> bool:
    return bool(_klines(seen))


async def _is_stored(redis: Redis, symbols: Sequence[str]) -> bool:
    """Ask in one small question: 150 would keep Redis and this process from what is measured."""
    keys = [f"{PREFIX}candles:{symbol}:{timeframe}" for symbol in symbols for timeframe in TIMEFRAMES]
    return int(await redis.eval(_SHORTEST, len(keys), *keys)) >= CANDLES


async def _is_filed(home: Path) -> bool:
    return len(list((home / "candles" / "live").glob("*.parquet"))) >= SYMBOLS * len(TIMEFRAMES)


async def _redis_s(redis: Redis) -> float:
    said = await redis.info("cpu")
    return float(said["used_cpu_sys"]) + float(said["used_cpu_user"])


async def by_ccxt(venue: Served, late_s: float, at_once: int) -> dict[str, Any]:
    async with relay(venue.port, late_s=late_s) as (_, port):
        command = ["-m", "bench.rig.ccxt_history", f"http://127.0.0.1:{port}", str(CANDLES), str(at_once)]
        asking = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
        said, _ = await asking.communicate()
        found: dict[str, Any] = json.loads(said)
        if found["candles"] != SYMBOLS * len(TIMEFRAMES) * CANDLES:
            raise RuntimeError(f"ccxt found {found['candles']} candles")
        return found


async def run(runs: int, late_s: float) -> None:
    ours, theirs = [], {0: [], AT_ONCE: []}  # type: ignore[var-annotated]
    with exchange({"limits": "bybit", "paused": "true", "symbols": str(SYMBOLS)}) as venue:
        symbols = [each.symbol for each in await traded(venue)]
        for symbol in symbols:
            for interval in TIMEFRAMES.values():
                asked = f"/v5/market/kline?category=linear&symbol={symbol}&interval={interval}&limit={CANDLES}"
                await once(venue, get(asked))
        for _ in range(runs):
            await asyncio.sleep(WINDOW_S)
            ours.append(await load(venue, symbols, late_s))
            for at_once, found in theirs.items():
                await asyncio.sleep(WINDOW_S)
                found.append(await by_ccxt(venue, late_s, at_once))
    _show(ours, theirs)


def _show(ours: Sequence[Loaded], theirs: dict[int, list[dict[str, Any]]]) -> None:
    series = SYMBOLS * len(TIMEFRAMES)
    floor_s = series / ALLOWED
    stored = Figures([each.stored_s for each in ours])
    ready, filed = Figures([each.ready_s for each in ours]), Figures([each.filed_s for each in ours])
    print(f"{series} series x {CANDLES} candles; the rate limit's floor {floor_s:.2f} s; requests {ours[0].asked}")
    print(
        f"fetcher: in Redis after {stored.text(2)} s, {stored.median / floor_s:.2f}x the floor; ready after"
        f" {ready.text(2)} s, in files after {filed.text(2)} s; CPU {Figures([each.cpu_s for each in ours]).text(2)} s,"
        f" Redis {Figures([each.redis_cpu_s for each in ours]).text(2)} s;"
        f" {Figures([each.rss_mb for each in ours]).text()} MiB;"
        f" first question {Figures([each.start_s for each in ours]).text(2)} s after the start of the process"
    )
    for at_once, found in theirs.items():
        took, cpu = Figures([each["took_s"] for each in found]), Figures([each["cpu_s"] for each in found])
        how = f"without its limiter, {at_once} at once" if at_once else "with its own limiter"
        print(
            f"ccxt {how}, stored nowhere: {took.text(2)} s, {took.median / stored.median:.1f}x the fetcher's;"
            f" CPU {cpu.text(2)} s"
        )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--runs", type=int, default=3)
    asked.add_argument("--late-ms", type=float, default=50)
    told = asked.parse_args()
    print(noise())
    uvloop.run(run(told.runs, told.late_ms / 1_000))
    print(noise())


if __name__ == "__main__":
    main()
