"""Prices of 50 symbols streamed to 20 WebSocket clients by one exchange process on one core.

    python -m bench.venue_streams [--runs 3] [--seconds 4] [--speed 10] [--clients 20]

A market that began at up to speed 10 ticks every second for every symbol: ten market seconds in a wall second, so every
symbol changes ten times a second, and that is how often tickers and books are told. Every client listens to all
symbols of a kind: tickers, then trades, then order books of 50 levels, then all of it.

Lag is from when the market stood where a frame says to when a client had it, beyond the promptest frame of the run:
of a frame that was told late because the market's clock fell behind, that is part of it. The floor sends as many
bytes in as many frames to as many clients from the same server and does nothing else.
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import uvloop

from bench.rig.asked import traded
from bench.rig.listening import Heard, Listener, listeners
from bench.rig.machine import Figures, busy_s, noise, spread
from bench.rig.process import Served, exchange, floor, pin_generator

KINDS = {
    "tickers": ("tickers",),
    "trades": ("publicTrade",),
    "books of 50": ("orderbook.50",),
    "all three": ("tickers", "publicTrade", "orderbook.50"),
}
OWED = 10  # updates of a symbol a second
SETTLES_S = 1.0


@dataclass(slots=True)
class Measured:
    frames: list[float] = field(default_factory=list)
    each: list[float] = field(default_factory=list)
    size: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    floor_busy: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    dropped: int = 0


async def heard_by(clients: Sequence[Listener], served: Served, seconds: float) -> tuple[list[Heard], float]:
    """What everybody heard in `seconds`, and the share of a core that it took."""
    await asyncio.sleep(SETTLES_S)
    for client in clients:
        client.heard = Heard()
    before = busy_s(served.pid)
    await asyncio.sleep(seconds)
    busy = (busy_s(served.pid) - before) / seconds
    heard = [client.heard or Heard() for client in clients]
    for client in clients:
        client.heard = None
    return heard, busy


def lags_ms(heard: Sequence[Heard], speed: float) -> list[float]:
    """How much later than the promptest frame each one was there, in wall ms."""
    late = [wall * 1_000 - ts / speed for one in heard for ts, wall in one.dated]
    first = min(late)
    return [each - first for each in late]


async def run(runs: int, seconds: float, speed: str, count: int) -> None:
    pin_generator()
    print(noise())
    found = {name: Measured() for name in KINDS}
    with exchange({"speed": speed}) as served, floor("frames") as least:
        symbols = [each.symbol for each in await traded(served)]
        for _ in range(runs):
            for name, kinds in KINDS.items():
                clients = await listeners(served, count, [f"{kind}.{symbol}" for kind in kinds for symbol in symbols])
                heard, busy = await heard_by(clients, served, seconds)
                into = found[name]
                into.dropped += sum(client.lost for client in clients)
                for client in clients:
                    client.close()
                frames = sum(one.frames for one in heard)
                into.frames.append(frames / seconds)
                into.each.append(frames / seconds / count / len(symbols))
                into.size.append(sum(one.bytes for one in heard) / max(1, frames))
                into.busy.append(busy * 100)
                p50, p99 = spread(lags_ms(heard, float(speed)))
                into.p50.append(p50)
                into.p99.append(p99)
                into.floor_busy.append(await _least(least, count, frames / seconds / count, into.size[-1], seconds))
    print(f"speed {speed}, {count} clients, {len(symbols)} symbols each")
    for name, one in found.items():
        print(
            f"{name}: {Figures(one.frames).text()} frames/s of {Figures(one.size).text()} bytes,"
            f" {Figures(one.each).text(1)} a second of a symbol to a client;"
            f" {Figures(one.busy).text()} % of a core (floor {Figures(one.floor_busy).text()} %);"
            f" lag p50 {Figures(one.p50).text(1)} ms, p99 {Figures(one.p99).text(1)} ms; dropped: {one.dropped}"
        )
    print(noise())


async def _least(least: Served, count: int, rate: float, size: float, seconds: float) -> float:
    """The share of a core that sending alone takes, in per cent."""
    clients = await listeners(least, count, [])
    for client in clients:
        client.say({"a_turn": round(rate / OWED), "size": round(size)})
    _, busy = await heard_by(clients, least, seconds)
    for client in clients:
        client.close()
    await asyncio.sleep(SETTLES_S / 2)
    return busy * 100


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--runs", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=4.0)
    asked.add_argument("--speed", default="10")
    asked.add_argument("--clients", type=int, default=20)
    told = asked.parse_args()
    uvloop.run(run(told.runs, told.seconds, told.speed, told.clients))


if __name__ == "__main__":
    main()
