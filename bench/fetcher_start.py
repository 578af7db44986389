"""How long a fetcher takes from the start of its process until it is ready, and what it asks the venue for.

    python -m bench.fetcher_start [--symbols 50] [--warm 5]

First nothing is there; then Redis has every series (warm); then Redis has lost them, and the files are there (filed).
A relay in front of the paper exchange, in this process, counts the requests. The market stands still meanwhile.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx
from redis.asyncio import Redis

from bench.rig.machine import Figures, busy_s, noise, rss_mb
from bench.rig.process import exchange, fetcher, redis_server
from bench.rig.relay import Relay, relay

READY_S: Final = 120.0
COLD: Final = "cold"
WARM: Final = "warm"
FILED: Final = "filed"


@dataclass(frozen=True, slots=True)
class Started:
    took_s: float
    cpu_s: float
    memory_mb: float
    asked: Counter[str]


async def start(home: Path, settings: Mapping[str, str], seen: Relay) -> Started:
    """Start a fetcher, wait until it is ready, and stop it."""
    seen.asked.clear()
    began = time.monotonic()
    with ExitStack() as stack:
        served = await asyncio.to_thread(stack.enter_context, fetcher(home, settings, answers=False))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", trust_env=False) as http:
            while not await _is_ready(http):
                if time.monotonic() - began > READY_S:
                    raise RuntimeError((home / "fetcher.log").read_text()[-2_000:])
                await asyncio.sleep(0.01)
        took, cpu, memory = time.monotonic() - began, busy_s(served.pid), rss_mb(served.pid)
        await asyncio.to_thread(stack.close)
    return Started(took, cpu, memory, Counter(path for _, path in seen.asked))


async def _is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def measure(symbols: int, warm: int) -> None:
    found: dict[str, list[Started]] = {kind: [] for kind in (COLD, WARM, FILED)}
    market = {"speed": "1", "paused": "true", "symbols": str(symbols)}
    with exchange(market) as venue, TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        home = Path(name)
        url = await asyncio.to_thread(stack.enter_context, redis_server(home))
        async with relay(venue.port) as (seen, port):
            settings = {
                "IRONKEEL_REDIS__URL": url,
                "IRONKEEL_MARKET__SYMBOLS": f"top:{symbols}",
                "IRONKEEL_EXCHANGE__URL": f"http://127.0.0.1:{port}",
                "IRONKEEL_EXCHANGE__WS_URL": f"ws://127.0.0.1:{venue.port}",
            }
            for kind in (COLD, *(WARM,) * warm, FILED):
                if kind == FILED:
                    redis = Redis.from_url(url)
                    await redis.flushall()
                    await redis.aclose()
                found[kind].append(await start(home, settings, seen))
        await asyncio.to_thread(stack.close)
    for kind, starts in found.items():
        took = Figures([each.took_s for each in starts]).text(2)
        cpu = Figures([each.cpu_s for each in starts]).text(2)
        memory = Figures([each.memory_mb for each in starts]).text()
        asked = ", ".join(f"{count} {path}" for path, count in sorted(starts[-1].asked.items()))
        print(f"{kind}: ready after {took} s, {cpu} CPU s, {memory} MiB; asked {asked}")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--symbols", type=int, default=50)
    asked.add_argument("--warm", type=int, default=5, help="warm starts; there is one of the others")
    told = asked.parse_args()
    print(noise())
    asyncio.run(measure(told.symbols, told.warm))
    print(noise())


if __name__ == "__main__":
    main()
