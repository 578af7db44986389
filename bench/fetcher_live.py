"""From a frame's arrival at the fetcher to whoever reads its streams: closed candles and prices; and what it costs.

    python -m bench.fetcher_live [--runs 3] [--symbols 50] [--tickers 10] [--forming 1] [--seconds 10]

A real fetcher process, the embedded Redis, and a scripted venue whose frames carry the monotonic second at which they
were written to the fetcher's socket; the reader is this process. Every symbol's price moves `tickers` times a second
and every series' forming candle `forming` times, all the while. In every run an hour of the market passes: at its end
the candles of all symbols and timeframes close in the same moment, 150 for 50 symbols. Prices move evenly, so at ten
a second each of them is told; a price that moves more often waits for the end of its symbol's interval.
"""

import argparse

import uvloop

from bench.rig.fetching import Measured, Pace, hall, quantiles
from bench.rig.machine import Figures, noise


async def run(runs: int, symbols: int, seconds: float, pace: Pace) -> None:
    async with hall(symbols, replicas=1) as measured:
        found = await measured.measure(runs, seconds, pace)
    _show(found, symbols * pace.tickers)


def _show(found: Measured, heard: float) -> None:
    for closed, late in sorted(found.late.items()):
        print(f"{closed} candles closed at once, each read after {quantiles(late)}")
    print(f"prices, {heard:g} heard and {Figures(found.prices).text()} told a second, each read after")
    print(f"  {quantiles(found.price_late)}")
    print(
        f"fetcher: {Figures(found.hands).text(1)} % of a core, {found.rss_mb[0]:.0f} MiB;"
        f" Redis {Figures(found.redis).text(1)} %, {Figures(found.commands).text()} commands/s;"
        f" the venue itself {Figures(found.venue).text(1)} %; requests over REST meanwhile: {found.asked}"
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--runs", type=int, default=3)
    asked.add_argument("--symbols", type=int, default=50)
    asked.add_argument("--tickers", type=float, default=10)
    asked.add_argument("--forming", type=float, default=1)
    asked.add_argument("--seconds", type=float, default=10)
    told = asked.parse_args()
    print(noise())
    uvloop.run(run(told.runs, told.symbols, told.seconds, Pace(told.tickers, told.forming)))
    print(noise())


if __name__ == "__main__":
    main()
