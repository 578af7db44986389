"""From SIGKILL of an executor to MANAGING_POSITIONS: wall time, and the requests that it took.

    python -m bench.executor_recovery [--kills 5]

`ironkeel up` runs the whole system; a relay in front of the paper exchange, in this process, dates the private
requests, which only the executor makes. Five positions on 50 symbols are opened by signals; then the executor's process
is killed again and again. The time from SIGKILL has the supervisor and the imports in it. The recovery itself is from
the executor's first request until its `recovery.done`, which says how many requests that took.
"""

import argparse
import asyncio
import os
import signal as signals
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
import uvloop
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bench.rig.account import PREFIX, STEP_MS, market_ms, open_at, price, put, signal
from bench.rig.asked import traded
from bench.rig.machine import Figures, noise
from bench.rig.process import Served
from bench.rig.relay import Relay, relay
from ironkeel.local.redis_server import url_for
from libs.common.contracts.recovery import RecoveryDone
from libs.common.contracts.registry import decode
from libs.common.settings.sections import PORT_OFFSETS
from libs.common.units import Instant

POSITIONS: Final = 5
WORLD: Final = ("--speed", "1", "--balance", "100000", "--policy", "random:7")  # nothing is trained
STARTS_S: Final = 300.0
FIRST: Final = "GET /v5/user/query-api"  # the first request that nobody else makes
BETWEEN_KILLS_S: Final = 6.0  # a process that lived for 3 s is started again at once


@contextmanager
def system(home: Path, base: int, url: str) -> Iterator[None]:
    """Run `ironkeel up` in `home`, its clock at the market's own speed; Ctrl-C ends all of it."""
    told = {"IRONKEEL_PORTS__BASE": str(base), "IRONKEEL_EXCHANGE__URL": url, "IRONKEEL_PAPER__LIMITS": "off"}
    ws = {"IRONKEEL_EXCHANGE__WS_URL": f"ws://127.0.0.1:{base + PORT_OFFSETS['paper_exchange']}"}
    with (home.parent / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ironkeel", "up", "--home", str(home), *WORLD],
            env={**os.environ, **told, **ws},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.send_signal(signals.SIGINT)
        process.wait(timeout=60)


async def done_after(redis: Redis, cursor: bytes) -> tuple[bytes, RecoveryDone]:
    """The next finished recovery on the stream; its entry's id is Redis' own wall time."""
    deadline = time.monotonic() + STARTS_S
    while time.monotonic() < deadline:
        try:
            read: Any = await redis.xread({f"{PREFIX}recovery": cursor}, block=50)
        except (RedisError, OSError):  # it is not up yet
            await asyncio.sleep(0.2)
            continue
        for _, entries in read or ():
            for entry_id, fields in entries:
                cursor = entry_id
                told = decode(fields[b"t"], fields[b"m"])
                if isinstance(told, RecoveryDone):
                    return cursor, told
    raise RuntimeError(f"no recovery within {STARTS_S:.0f} s")


async def until(answer: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + STARTS_S
    while not answer():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {STARTS_S:.0f} s: {what}")
        await asyncio.sleep(0.2)


async def opened(venue: Served, redis: Redis) -> None:
    """Have as many positions as are measured, by signals."""
    symbols = await traded(venue)
    deadline = time.monotonic() + STARTS_S
    while len(await open_at(venue)) < POSITIONS:
        now = await market_ms(venue)
        slot = Instant(now - now % STEP_MS)
        await put(redis, *(price(each, now, n) for n, each in enumerate(symbols)))
        await put(redis, *(signal(each, slot).signal for each in symbols[:POSITIONS]))
        await asyncio.sleep(5)
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(await open_at(venue))} positions are open")


def pid_of(home: Path) -> int:
    return int(orjson.loads((home / "run" / "executor.json").read_bytes())["pid"])


async def kill_and_wait(home: Path, redis: Redis, cursor: bytes, seen: Relay) -> tuple[bytes, float, float, list[str]]:
    """Kill once; seconds until it manages again and until its first request, and its requests by then."""
    begun, killed = len(seen.asked), time.monotonic()
    os.kill(pid_of(home), signals.SIGKILL)
    cursor, told = await done_after(redis, cursor)
    ended = time.monotonic()
    if told.phase != "MANAGING_POSITIONS":
        raise RuntimeError(f"it recovered to {told.phase}, with {told.positions} positions")
    asked = [(at, what) for at, what in seen.asked[begun:] if at > killed]
    first = next(at for at, what in asked if what == FIRST)
    mine = [what for at, what in asked if at >= first and is_private(what)][: told.requests]
    return cursor, ended - killed, ended - first, [f"{told.requests} in {told.took_ms} ms", *mine]


def is_private(what: str) -> bool:
    return "/market/" not in what


async def measure(kills: int, home: Path, base: int) -> None:
    venue = Served(0, base + PORT_OFFSETS["paper_exchange"], home)
    whole, own, requests = [], [], []
    async with relay(venue.port) as (seen, port):
        with system(home, base, f"http://127.0.0.1:{port}"):
            await until(lambda: (home / "redis" / "redis.sock").exists(), "a Redis")
            redis = Redis.from_url(url_for(home))
            cursor, _ = await done_after(redis, b"0")
            await asyncio.sleep(1)
            await opened(venue, redis)
            for _ in range(kills):
                await asyncio.sleep(BETWEEN_KILLS_S)
                cursor, from_kill, from_first, told = await kill_and_wait(home, redis, cursor, seen)
                whole.append(from_kill)
                own.append(from_first)
                requests.append(told[0])
                print(f"  kill: {from_kill:.2f} s, {from_first:.2f} s from its first request; {told[0]}: {told[1:]}")
            await redis.aclose()
    print(f"SIGKILL to MANAGING_POSITIONS {Figures(whole).text(2)} s; from the first request {Figures(own).text(2)} s")


def free_base() -> int:
    """A first port with the whole range above it free."""
    for base in range(30_000, 60_000, 200):
        probes = [socket.socket() for _ in PORT_OFFSETS]
        try:
            if all(p.connect_ex(("127.0.0.1", base + o)) for p, o in zip(probes, PORT_OFFSETS.values(), strict=True)):
                return base
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError("no free range of ports")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--kills", type=int, default=5)
    told = asked.parse_args()
    print(noise())
    with TemporaryDirectory(prefix="bench-") as name:
        home = Path(name) / "home"
        uvloop.run(measure(told.kills, home, free_base()))
    print(noise())


if __name__ == "__main__":
    main()
