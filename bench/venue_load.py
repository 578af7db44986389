"""What one exchange process on one core serves: klines, signed orders, and prices streamed to many clients.

python -m bench.venue_load [--seconds 5]

The process is a real one with a synthetic market of 50 symbols in real time and without limits, pinned to a core where
the system can; the clients share the rest. Latencies are taken at half of what it must serve.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import ROUND_UP, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import uvloop
from websockets.asyncio.client import connect

CONNECTIONS: Final = 16
STREAMS: Final = 20
SYMBOLS: Final = 50
PORTS: Final = 18_700
PORT: Final = PORTS + 100
KLINES: Final = "/v5/market/kline?category=linear&symbol={symbol}&interval=15&limit=200"

Request = Callable[[int], bytes]
Symbols = list[tuple[str, str]]  # and a quantity to trade of each


@contextmanager
def exchange(home: Path) -> Iterator[int]:
    """Run the exchange, and yield its process id."""
    settings = {
        "IRONKEEL_HOME": str(home),
        "IRONKEEL_PAPER__LIMITS": "off",
        "IRONKEEL_PAPER__SPEED": "1",
        "IRONKEEL_PAPER__BALANCE": "1000000000",
        "IRONKEEL_PORTS__BASE": str(PORTS),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "services.paper_exchange.main"],
        env={**os.environ, **settings},
        stdout=(home / "log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, {0})
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


class Caller(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self) -> None:
        self._heard = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, found, body = self._heard.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(body) >= length and self._answer is not None:
            self._heard = b""
            self._answer.set_result(body)

    async def ask(self, request: bytes) -> bytes:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


async def callers() -> list[Caller]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Caller, "127.0.0.1", PORT))[1] for _ in range(CONNECTIONS)]


def kline(number: int, symbols: Symbols) -> bytes:
    return f"GET {KLINES.format(symbol=symbols[number % len(symbols)][0])} HTTP/1.1\r\nHost: paper\r\n\r\n".encode()


def order(number: int, symbols: Symbols) -> bytes:
    """Buy and sell in turn, so that positions and margins stay small."""
    side = "Buy" if number // len(symbols) % 2 == 0 else "Sell"
    symbol, qty = symbols[number % len(symbols)]
    body = {"category": "linear", "symbol": symbol, "side": side, "orderType": "Market", "qty": qty}
    raw, at = json.dumps(body), str(time.time_ns() // 1_000_000)
    sign = hmac.new(b"paper", f"{at}paper5000{raw}".encode(), hashlib.sha256).hexdigest()
    return (
        f"POST /v5/order/create HTTP/1.1\r\nHost: paper\r\nX-BAPI-API-KEY: paper\r\nX-BAPI-TIMESTAMP: {at}\r\n"
        f"X-BAPI-RECV-WINDOW: 5000\r\nX-BAPI-SIGN: {sign}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(raw)}\r\n\r\n{raw}"
    ).encode()


async def flat_out(made: Request, seconds: float) -> float:
    """Requests a second when every connection asks again as soon as it is answered."""
    until, count = time.monotonic() + seconds, 0

    async def ask_on(caller: Caller) -> None:
        nonlocal count
        while time.monotonic() < until:
            body = await caller.ask(made(count))
            assert b'"retCode":0,' in body, body
            count += 1

    began = time.monotonic()
    await asyncio.gather(*(ask_on(caller) for caller in await callers()))
    return count / (time.monotonic() - began)


async def latencies(made: Request, rate: float, seconds: float) -> list[float]:
    """Milliseconds from when each request was due, at `rate` a second."""
    idle: asyncio.Queue[Caller] = asyncio.Queue()
    for caller in await callers():
        idle.put_nowait(caller)
    took: list[float] = []

    async def ask(number: int, due: float) -> None:
        caller = await idle.get()
        await caller.ask(made(number))
        took.append((time.monotonic() - due) * 1_000)
        idle.put_nowait(caller)

    began, count = time.monotonic(), int(rate * seconds)
    async with asyncio.TaskGroup() as asking:
        for number in range(count):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            asking.create_task(ask(number, due))
    return sorted(took)


async def streamed(symbols: Symbols, seconds: float) -> float:
    """Ticker frames a second that all clients together receive."""
    topics, count = [f"tickers.{symbol}" for symbol, _ in symbols], 0

    async def listen() -> None:
        nonlocal count
        async with connect(f"ws://127.0.0.1:{PORT}/v5/public/linear", compression=None) as socket:
            await socket.send(json.dumps({"op": "subscribe", "args": topics}))
            for _ in range(len(topics) + 1):
                await socket.recv()
            with_deadline = asyncio.timeout(seconds)
            try:
                async with with_deadline:
                    while True:
                        await socket.recv()
                        count += 1
            except TimeoutError:
                return

    await asyncio.gather(*(listen() for _ in range(STREAMS)))
    return count / seconds


def busy_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def listed() -> Symbols:
    """Wait until the exchange answers; every symbol, and a quantity of it that is worth a little more than it must."""
    while True:
        try:
            caller = (await callers())[0]
        except OSError:
            await asyncio.sleep(0.1)
        else:
            break
    rows = await _rows(caller, "instruments-info")
    last = {row["symbol"]: Decimal(row["lastPrice"]) for row in await _rows(caller, "tickers")}
    steps = {row["symbol"]: Decimal(row["lotSizeFilter"]["qtyStep"]) for row in rows}
    return [
        (symbol, str((20 / last[symbol] / step).to_integral_value(ROUND_UP) * step)) for symbol, step in steps.items()
    ]


async def _rows(caller: Caller, name: str) -> Any:
    asked = f"GET /v5/market/{name}?category=linear HTTP/1.1\r\nHost: paper\r\n\r\n"
    return json.loads(await caller.ask(asked.encode()))["result"]["list"]


async def measure(pid: int, seconds: float) -> None:
    symbols = await listed()
    for name, make, must in (("klines of 200", kline, 1_500), ("orders created", order, 600)):

        def made(number: int, make: Callable[[int, Symbols], bytes] = make) -> bytes:
            return make(number, symbols)

        await flat_out(made, 1)
        before = busy_s(pid)
        rate = await flat_out(made, seconds)
        spent = (busy_s(pid) - before) / (rate * seconds)
        took = await latencies(made, must / 2, seconds)
        p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
        print(
            f"{name}: {rate:,.0f}/s, {spent * 1e6:,.0f} CPU us each ({1 / spent:,.0f}/s of a core);"
            f" at {must // 2}/s p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {took[-1]:.1f} ms"
        )
    before = busy_s(pid)
    frames = await streamed(symbols, seconds)
    print(
        f"tickers: {len(symbols)} symbols to {STREAMS} clients, {frames:,.0f} frames/s,"
        f" {(busy_s(pid) - before) / seconds:.0%} of a core"
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seconds", type=float, default=5.0)
    seconds = asked.parse_args().seconds
    with TemporaryDirectory() as name, exchange(Path(name)) as pid:
        uvloop.run(measure(pid, seconds))


if __name__ == "__main__":
    main()
