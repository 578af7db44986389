"""From a signal on the stream to the signed request leaving, by stage; a burst; and what prices cost.

    python -m bench.executor_latency [--runs 3] [--rate 10] [--only latency|two|burst|prices]

Real processes throughout: the executor with its ledger on disk (every commit synced) and ccxt, the embedded Redis, and
the paper exchange without rate limits, its clock standing still. Signals for 50 symbols are put on the stream at a
steady rate; a relay in front of the exchange, in this process, dates each order's request and its answer, so that the
figures are those of an onlooker. Between the runs all is closed at the venue and the executor's books settle. The
split is the executor's own (`ironkeel_executor_entry_stage_seconds` of its /metrics): means, for means add up.
"""

import argparse
import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import uvloop
from redis.asyncio import Redis

from bench.rig.account import STEP_MS, close_all, market_ms, open_at, price, put, signal, unfinished
from bench.rig.asked import Traded, once, pace, traded
from bench.rig.machine import Figures, busy_s, noise
from bench.rig.process import Served, exchange, executor, redis_server
from bench.rig.relay import Relay, relay
from bench.rig.waiting import read, until
from libs.common.contracts.market import PriceMoved
from libs.common.units import Instant

RESTS_S: Final = 4.5  # until no earlier request on a symbol could still arrive
PREPARES_S: Final = 15  # an executor sets the leverage of what it hears prices of, some symbols a second
BURST: Final = 200
PRICES: Final = 500  # a second
PRICES_S: Final = 10
_STAGE: Final = re.compile(r'^ironkeel_executor_entry_stage_seconds_(sum|count)\{stage="(\w+)"\} (\S+)$', re.MULTILINE)
KINDS: Final = ("latency", "two", "burst", "prices")


class Floor:
    """Exchange, Redis, relay and executors, all running."""

    def __init__(self, venue: Served, redis: Redis, seen: Relay, hands: Sequence[Served]) -> None:
        self.venue, self.redis, self.seen, self.hands = venue, redis, seen, hands
        self.symbols: Sequence[Traded] = ()
        self.slot = Instant(0)

    async def ready(self) -> None:
        self.symbols = await traded(self.venue)
        now = await market_ms(self.venue)
        self.slot = Instant(now - now % STEP_MS)
        await until(self._recovered, "a recovered executor")
        await put(self.redis, *(price(each, now, n) for n, each in enumerate(self.symbols)))
        await asyncio.sleep(PREPARES_S)

    async def _recovered(self) -> bool:
        return all(["RECOVERING" not in await read(hand, "/v1/status") for hand in self.hands])

    async def emptied(self) -> None:
        """Close all at the venue, wait for the books, and let the symbols rest; the next slot is a new one."""
        await close_all(self.venue)

        async def is_flat() -> bool:
            return '"items":[]' in await read(self.hands[0], "/v1/positions") and not await open_at(self.venue)

        await until(is_flat, "no position")
        await asyncio.sleep(RESTS_S)
        self.slot = Instant(self.slot + STEP_MS)

    async def stages(self) -> Mapping[str, tuple[float, float]]:
        """Sum in seconds and count of every stage, over all executors."""
        found: dict[str, list[float]] = {}
        for hand in self.hands:
            for kind, stage, value in _STAGE.findall(await read(hand, "/metrics")):
                found.setdefault(stage, [0.0, 0.0])[kind == "count"] += float(value)
        return {stage: (total, count) for stage, (total, count) in found.items()}


async def latency(floor: Floor, runs: int, rate: float) -> None:
    left, answered, cpu = [], [], []
    before = await floor.stages()
    for _ in range(runs):
        put_at: dict[str, float] = {}
        began, busy = time.monotonic(), _busy_s(floor)
        for number, each in enumerate(floor.symbols):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            asked = signal(each, floor.slot)
            put_at[asked.link_id] = await put(floor.redis, asked.signal)
        await until(partial(_all_answered, floor, put_at), "an answer to every signal's order")
        cpu.append((_busy_s(floor) - busy) / len(put_at) * 1_000)
        left += [(floor.seen.left[link] - at) * 1_000 for link, at in put_at.items()]
        answered += [(floor.seen.answered[link] - at) * 1_000 for link, at in put_at.items()]
        print(f"  run: request left p50 {at(left[-len(put_at) :], 50):.1f}  p99 {at(left[-len(put_at) :], 99):.1f} ms")
        await floor.emptied()
    print(f"{len(floor.hands)} executor(s), {len(left)} entries at {rate:g}/s, ms from XADD:")
    for what, took in (("request left", left), ("answer back", answered)):
        print(f"  {what}: p50 {at(took, 50):.1f}  p95 {at(took, 95):.1f}  p99 {at(took, 99):.1f}  max {max(took):.1f}")
    print(f"  executors' CPU: {Figures(cpu).text(1)} ms an entry, everything that it leads to included")
    after = await floor.stages()
    means = {
        stage: (total - before.get(stage, (0, 0))[0]) / (count - before.get(stage, (0, 0))[1]) * 1_000
        for stage, (total, count) in after.items()
        if count > before.get(stage, (0, 0))[1]
    }
    print("  mean ms by stage: " + "  ".join(f"{stage} {ms:.2f}" for stage, ms in means.items()))


def _busy_s(floor: Floor) -> float:
    return sum(busy_s(hand.pid) for hand in floor.hands)


async def _all_answered(floor: Floor, put_at: Mapping[str, float]) -> bool:
    return put_at.keys() <= floor.seen.answered.keys() and not await unfinished(floor.redis)


async def burst(floor: Floor, runs: int) -> None:
    took, sent = [], []
    for _ in range(runs):
        signals = [signal(each, floor.slot).signal for each in floor.symbols][:BURST]
        before = len(floor.seen.left)
        began = await put(floor.redis, *signals)
        await until(partial(_all_answered, floor, {}), "every signal settled", every_s=0.01)
        took.append(time.monotonic() - began)
        sent.append(len(floor.seen.left) - before)
        await floor.emptied()
    print(f"burst of {BURST} signals, {sent} admitted: all settled after {Figures(took).text(2)} s")


async def prices(floor: Floor, runs: int) -> None:
    """CPU with 50 positions open, with and without prices; the market moves at its own speed."""
    await put(floor.redis, *(signal(each, floor.slot).signal for each in floor.symbols))

    async def are_open() -> bool:
        return len(await open_at(floor.venue)) == len(floor.symbols)

    await until(are_open, "a position on every symbol")
    await until(partial(_all_answered, floor, {}), "nothing under way")
    await once(floor.venue, pace(paused=False, speed=1))
    hand, number = floor.hands[0], 0
    cpu: dict[int, list[float]] = {0: [], PRICES: []}
    for _ in range(runs):
        for rate, into in cpu.items():
            await asyncio.sleep(1)
            before, began, now = busy_s(hand.pid), time.monotonic(), await market_ms(floor.venue)
            for turn in range(PRICES_S * 10):
                batch: list[PriceMoved] = []
                for each in range(rate // 10):
                    number += 1
                    batch.append(price(floor.symbols[each % len(floor.symbols)], Instant(now + turn * 100), number))
                if batch:
                    await put(floor.redis, *batch)
                await asyncio.sleep(max(0.0, began + (turn + 1) / 10 - time.monotonic()))
            into.append((busy_s(hand.pid) - before) / (time.monotonic() - began) * 100)
    await once(floor.venue, pace(paused=True))
    print(f"{len(await open_at(floor.venue))} positions open: CPU of the executor, % of one core:", end="")
    print("; ".join(f" {rate} prices/s {Figures(found).text(1)}" for rate, found in cpu.items()))
    await floor.emptied()


def at(took: Sequence[float], percent: int) -> float:
    ordered = sorted(took)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


async def on_the_floor(kind: str, venue: Served, url: str, home: Path, told: argparse.Namespace) -> None:
    async with relay(venue.port) as (seen, port):
        settings = {
            "IRONKEEL_REDIS__URL": url,
            "IRONKEEL_EXCHANGE__URL": f"http://127.0.0.1:{port}",
            "IRONKEEL_EXCHANGE__WS_URL": f"ws://127.0.0.1:{venue.port}",
            "IRONKEEL_RISK__MAX_POSITIONS": "5" if kind == "burst" else "50",
            "IRONKEEL_RISK__RISK_PER_TRADE": "0.0001",
            "IRONKEEL_STRATEGY__COOLDOWN_AFTER_LOSS_MIN": "0",
            "IRONKEEL_STRATEGY__MAX_DAILY_LOSS": "1",
        }
        with ExitStack() as stack:
            names = ("executor", "executor-b") if kind == "two" else ("executor",)
            start = stack.enter_context
            hands = [await asyncio.to_thread(start, executor(home, settings, instance=name)) for name in names]
            redis = Redis.from_url(url)
            floor = Floor(venue, redis, seen, hands)
            try:
                await floor.ready()
                if kind == "burst":
                    await burst(floor, told.runs)
                elif kind == "prices":
                    await prices(floor, told.runs)
                else:
                    await latency(floor, told.runs, told.rate)
            finally:
                await redis.aclose()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--runs", type=int, default=3)
    asked.add_argument("--rate", type=float, default=10.0)
    asked.add_argument("--only", choices=KINDS, default=None)
    told = asked.parse_args()
    print(noise())
    for kind in KINDS if told.only is None else (told.only,):
        paper = {"paused": "true", "balance": "1000000", "symbols": "200" if kind == "burst" else "50"}
        with exchange(paper) as venue, TemporaryDirectory(prefix="bench-") as name, redis_server(Path(name)) as url:
            uvloop.run(on_the_floor(kind, venue, url, Path(name), told))
    print(noise())


if __name__ == "__main__":
    main()
