"""Whether the exchange's memory stays flat: hours of market under every kind of load, compressed by the clock.

    python -m bench.venue_soak [--minutes 5] [--speed 60] [--symbols 50] [--under <folder for the books>]

Minutes are of wall time; at speed 60 one of them is an hour of market. Meanwhile candles of every interval are asked
for, orders are created (half of them rest) and cancelled, histories are paged, the audit is read from its beginning,
and clients listen to all public streams. Memory is the process's resident set; the slope is that of a straight line
through the second half.
"""

import argparse
import asyncio
import statistics
from collections.abc import Iterator, Sequence
from itertools import cycle, islice

import uvloop

from bench.rig.asked import Traded, cancel_all, get, once, orders, pace, signed_get, traded
from bench.rig.listening import listeners
from bench.rig.machine import busy_s, noise, pin, rss_mb
from bench.rig.process import Served, exchange
from bench.rig.wire import at_rate

INTERVALS = ("1", "3", "5", "15", "30", "60", "120", "240", "360", "720", "D")
HISTORIES = ("order/history", "order/realtime", "execution/list", "position/list", "position/closed-pnl")
KLINES, ORDERS, HISTORY = 20, 100, 10  # requests a second
ROUND_S = 5.0  # then everything that rests is cancelled
LISTENERS = 4
SAMPLES = 10  # printed


def candles(symbols: Sequence[Traded]) -> Iterator[bytes]:
    """Every interval of every symbol in turn."""
    for interval in cycle(INTERVALS):
        for each in symbols:
            yield get(f"/v5/market/kline?category=linear&symbol={each.symbol}&interval={interval}&limit=1000")


def histories() -> Iterator[bytes]:
    for name in cycle(HISTORIES):
        yield signed_get(f"/v5/{name}", "category=linear&settleCoin=USDT&limit=50")


async def read_audit(served: Served) -> int:
    """One page, which comes in pieces; its bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /paper/v1/audit?limit=1000 HTTP/1.1\r\nHost: paper\r\nConnection: close\r\n\r\n")
    size = len(await reader.read(-1))
    writer.close()
    return size


async def one_round(served: Served, kinds: Sequence[tuple[Iterator[bytes], int]]) -> int:
    """Ask everything at its rate for a while, then empty the book; how many requests that were."""
    made = [(list(islice(kind, int(rate * ROUND_S))), rate) for kind, rate in kinds]
    await asyncio.gather(*(at_rate(served, requests, rate) for requests, rate in made))
    await once(served, cancel_all())
    await read_audit(served)
    return sum(len(requests) for requests, _ in made)


async def run(minutes: float, speed: str, symbols: int, under: str | None) -> None:
    pin(0, 1)
    print(noise())
    with exchange({"speed": speed, "symbols": str(symbols)}, under=under) as served:
        listed = await traded(served)
        kinds = ((candles(listed), KLINES), (orders(listed), ORDERS), (histories(), HISTORY))
        topics = [f"{kind}.{t.symbol}" for kind in ("tickers", "publicTrade", "orderbook.50") for t in listed]
        clients = await listeners(served, LISTENERS, topics)
        await once(served, pace(paused=False))
        loop, asked, seen = asyncio.get_running_loop(), 0, [(0.0, rss_mb(served.pid))]
        began, busy = loop.time(), busy_s(served.pid)
        while (gone := loop.time() - began) < minutes * 60:
            asked += await one_round(served, kinds)
            seen.append((loop.time() - began, rss_mb(served.pid)))
        share = (busy_s(served.pid) - busy) / gone
        lost = sum(client.lost for client in clients)
        size = sum(file.stat().st_size for file in (served.home / "paper").iterdir()) / 2**20
    hours = [(at * float(speed) / 3_600, used) for at, used in seen]
    for at, used in hours[:: max(1, len(hours) // SAMPLES)]:
        print(f"  {at:6.2f} h of market: {used:6.1f} MiB")
    late = hours[len(hours) // 2 :]
    slope = statistics.linear_regression([at for at, _ in late], [used for _, used in late]).slope
    print(
        f"{hours[-1][0]:.1f} h of market at speed {speed}, {len(listed)} symbols: {asked:,} requests, {share:.0%} of a"
        f" core, {lost} clients lost; memory {hours[0][1]:.1f} MiB at first, {late[0][1]:.1f} half-way,"
        f" {hours[-1][1]:.1f} at the end: {slope:+.2f} MiB an hour in the second half; books {size:.1f} MiB on disk"
    )
    print(noise())


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--minutes", type=float, default=5.0)
    asked.add_argument("--speed", default="60")
    asked.add_argument("--symbols", type=int, default=50)
    asked.add_argument("--under", default=None)
    told = asked.parse_args()
    uvloop.run(run(told.minutes, told.speed, told.symbols, told.under))


if __name__ == "__main__":
    main()
