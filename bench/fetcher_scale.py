"""Four fetchers that share 50, 125, 250 and 500 symbols: latency, CPU, Redis traffic and memory, and how they grow.

    python -m bench.fetcher_scale [--runs 1] [--tickers 2] [--forming 0.2] [--seconds 10] [--picture docs/fetcher.svg]
    python -m bench.fetcher_scale --paper

Real fetcher processes and the embedded Redis before the scripted venue of bench.fetcher_live, on one machine: the
venue's own share of a core is told apart, and so is Redis'. Every symbol's price moves `tickers` times a second. In
every run an hour of the market passes; late is a candle of the moment in which all timeframes of all symbols close.
With --paper the paper exchange is the venue, at the market's own speed; what it sends is not dated, so only what
everybody takes is told.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

import uvloop

from bench.rig.fetching import Measured, Pace, hall
from bench.rig.machine import Figures, noise, spread
from bench.rig.plot import Line, Panel, draw

SYMBOLS = (50, 125, 250, 500)
REPLICAS = 4


def show(symbols: int, found: Measured) -> None:
    late = ""
    if found.late:
        closed = max(found.late)
        candle, price = spread(found.late[closed]), spread(found.price_late)
        late = (
            f" {closed} candles at once: p50 {candle[0]:.1f}  p99 {candle[1]:.1f} ms;"
            f" prices: p50 {price[0]:.1f}  p99 {price[1]:.1f} ms;"
        )
    print(
        f"{symbols} symbols:{late} {Figures(found.prices).text()} prices/s\n"
        f"  fetchers {Figures(found.hands).text(1)} % of a core together, Redis {Figures(found.redis).text(1)} %,"
        f" the venue {Figures(found.venue).text(1)} %; Redis {Figures(found.commands).text()} commands/s,"
        f" {fmean(found.bytes) / 1e3:,.0f} kB/s in, {found.redis_mb:.0f} MiB;"
        f" a fetcher {Figures(found.rss_mb).text()} MiB; requests over REST meanwhile: {found.asked}"
    )


def picture(target: Path, found: Mapping[int, Measured]) -> None:
    """Draw all of it over the number of symbols."""
    every = list(found.values())
    candle, price = [spread(each.late[max(each.late)]) for each in every], [spread(each.price_late) for each in every]
    panels = [
        Panel(
            "late, ms",
            [
                Line("candle, median", [each[0] for each in candle]),
                Line("candle, p99", [each[1] for each in candle]),
                Line("price, median", [each[0] for each in price]),
                Line("price, p99", [each[1] for each in price]),
            ],
        ),
        Panel(
            "CPU, % of a core",
            [
                Line("four fetchers", [fmean(each.hands) for each in every]),
                Line("Redis", [fmean(each.redis) for each in every]),
                Line("the venue itself", [fmean(each.venue) for each in every]),
            ],
        ),
        Panel(
            "Redis, a second",
            [
                Line("commands", [fmean(each.commands) for each in every]),
                Line("kB in", [fmean(each.bytes) / 1e3 for each in every]),
            ],
        ),
        Panel(
            "memory, MiB",
            [
                Line("one fetcher", [fmean(each.rss_mb) for each in every]),
                Line("Redis", [each.redis_mb for each in every]),
            ],
        ),
    ]
    draw(target, "symbols", list(found), panels)


async def run(runs: int, seconds: float, pace: Pace | None, target: Path | None) -> None:
    found: dict[int, Measured] = {}
    for symbols in SYMBOLS:
        async with hall(symbols, REPLICAS, paper=pace is None) as measured:
            found[symbols] = await measured.measure(runs, seconds, pace)
        show(symbols, found[symbols])
    if target is not None and pace is not None:
        picture(target, found)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--runs", type=int, default=1)
    asked.add_argument("--tickers", type=float, default=2)
    asked.add_argument("--forming", type=float, default=0.2)
    asked.add_argument("--seconds", type=float, default=10)
    asked.add_argument("--picture", type=Path, default=None)
    asked.add_argument("--paper", action="store_true")
    told = asked.parse_args()
    pace = None if told.paper else Pace(told.tickers, told.forming)
    print(noise())
    uvloop.run(run(told.runs, told.seconds, pace, told.picture))
    print(noise())


if __name__ == "__main__":
    main()
