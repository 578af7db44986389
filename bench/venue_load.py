"""What one exchange process on one core answers: GETs of 200 candles, and signed orders that are on disk before.

    python -m bench.venue_load [--runs 3] [--seconds 4] [--under <folder for the books>]

The process is a real one with a synthetic market of 50 symbols and without rate limits, once with its clock paused and
once at 60 market seconds a second; the clients have the other core. Rates are flat out over 16 kept connections,
latencies are taken at half of the rate that is asked of it, and at half of what it did, from when a request was due.
Half of the orders rest (limit orders, far from the market), half fill at once; before every run the book is emptied.
The floor does the least that such an answer takes, on the same HTTP stack and disk.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import uvloop

from bench.rig.asked import Traded, cancel_all, klines, once, orders, pace, traded
from bench.rig.machine import Figures, busy_s, noise, spread
from bench.rig.process import Served, exchange, floor, pin_generator
from bench.rig.wire import at_rate, flat_out

SPEED = 60
MOST = 8_000  # requests a second that are made ready


@dataclass(frozen=True, slots=True)
class Kind:
    """What is asked, and how much of it a second the exchange owes."""

    name: str
    owed: int
    is_order: bool

    def requests(self, symbols: Sequence[Traded]) -> Iterator[bytes]:
        return orders(symbols) if self.is_order else klines(symbols)


KINDS = (Kind("klines", 1_500, False), Kind("orders", 600, True))


@dataclass(slots=True)
class Measured:
    """All runs of one kind in one state of the clock."""

    rate: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    own_p50: list[float] = field(default_factory=list)
    own_p99: list[float] = field(default_factory=list)
    floor_p99: list[float] = field(default_factory=list)


async def measure(served: Served, least: Served, kind: Kind, seconds: float, into: Measured) -> None:
    """One run: the exchange and its floor one after the other, so that both have the same machine."""
    symbols = await traded(served)
    await _empty(served, kind)
    made = list(islice(kind.requests(symbols), int(seconds * MOST)))
    before = busy_s(served.pid)
    rate, answered = await flat_out(served, made, seconds)
    into.rate.append(rate)
    into.cpu_us.append((busy_s(served.pid) - before) / answered * 1e6)
    into.floor.append((await flat_out(least, made, seconds))[0])
    for load, p50s, p99s in ((kind.owed, into.p50, into.p99), (rate, into.own_p50, into.own_p99)):
        await _empty(served, kind)
        made = list(islice(kind.requests(symbols), int(load / 2 * seconds)))
        p50, p99 = spread(await at_rate(served, made, load / 2))
        p50s.append(p50)
        p99s.append(p99)
    made = list(islice(kind.requests(symbols), int(kind.owed / 2 * seconds)))
    into.floor_p99.append(spread(await at_rate(least, made, kind.owed / 2))[1])


async def _empty(served: Served, kind: Kind) -> None:
    if kind.is_order:
        await once(served, cancel_all())


async def run(runs: int, seconds: float, under: str | None) -> None:
    pin_generator()
    print(noise())
    found: dict[tuple[str, bool], Measured] = {}
    with exchange({"speed": str(SPEED)}, under=under) as served:
        for kind in KINDS:
            with floor(kind.name) as least:
                await flat_out(served, list(islice(kind.requests(await traded(served)), 2_000)), 1)
                for _ in range(runs):
                    for paused in (True, False):
                        await once(served, pace(paused=paused))
                        await measure(served, least, kind, seconds, found.setdefault((kind.name, paused), Measured()))
    for kind in KINDS:
        for paused in (True, False):
            _show(kind, "paused" if paused else f"at speed {SPEED}", found[kind.name, paused])
    print(noise())


def _show(kind: Kind, clock: str, found: Measured) -> None:
    rate, least = Figures(found.rate), Figures(found.floor)
    print(
        f"{kind.name}, clock {clock}: {rate.text()}/s ({rate.median / kind.owed:.1f}x the {kind.owed:,} owed),"
        f" {Figures(found.cpu_us).text()} CPU us each; floor {least.text()}/s, {least.median / rate.median:.1f}x\n"
        f"  at {kind.owed // 2}/s: p50 {Figures(found.p50).text(1)} ms, p99 {Figures(found.p99).text(1)} ms"
        f" (floor's p99 {Figures(found.floor_p99).text(1)}); at half of its own rate:"
        f" p50 {Figures(found.own_p50).text(1)} ms, p99 {Figures(found.own_p99).text(1)} ms"
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--runs", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=4.0)
    asked.add_argument("--under", default=None)
    told = asked.parse_args()
    uvloop.run(run(told.runs, told.seconds, told.under))


if __name__ == "__main__":
    main()
