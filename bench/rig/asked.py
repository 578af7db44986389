"""What the clients of the benchmarks ask for, made before it is asked: candles, and signed orders of every kind."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from itertools import count
from typing import Any, Final

from bench.rig.process import Served
from bench.rig.wire import callers, check

KEY: Final = "paper"
WINDOW: Final = "60000"  # the widest: requests are signed a while before they are sent
WORTH: Final = 20  # USDT an order
_numbers = count()


@dataclass(frozen=True, slots=True)
class Traded:
    """A symbol, a quantity of it worth a little, and prices far below and far above the market."""

    symbol: str
    qty: str
    low: str
    high: str


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: paper\r\n\r\n".encode()


def post(path: str, body: object) -> bytes:
    """Unsigned, for the exchange's own endpoints."""
    raw = json.dumps(body)
    return f"POST {path} HTTP/1.1\r\nHost: paper\r\nContent-Length: {len(raw)}\r\n\r\n{raw}".encode()


def signed_get(path: str, query: str) -> bytes:
    return f"GET {path}?{query} HTTP/1.1\r\nHost: paper\r\n{_proof(query)}\r\n".encode()


def signed_post(path: str, body: object) -> bytes:
    raw = json.dumps(body)
    head = f"{_proof(raw)}Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: paper\r\n{head}\r\n{raw}".encode()


def _proof(payload: str) -> str:
    at = str(time.time_ns() // 1_000_000)
    sign = hmac.new(b"paper", f"{at}{KEY}{WINDOW}{payload}".encode(), hashlib.sha256).hexdigest()
    return f"X-BAPI-API-KEY: {KEY}\r\nX-BAPI-TIMESTAMP: {at}\r\nX-BAPI-RECV-WINDOW: {WINDOW}\r\nX-BAPI-SIGN: {sign}\r\n"


def klines(symbols: Sequence[Traded]) -> Iterator[bytes]:
    """The newest 200 quarter hours of one symbol after the other."""
    asked = [get(f"/v5/market/kline?category=linear&symbol={t.symbol}&interval=15&limit=200") for t in symbols]
    while True:
        yield from asked


def orders(symbols: Sequence[Traded]) -> Iterator[bytes]:
    """Limit orders that rest and market orders in turn over all symbols; buys and sells, so positions stay small."""
    while True:
        for side in ("Buy", "Sell"):
            for kind in ("Limit", "Market"):
                for traded in symbols:
                    yield create(traded, side, kind)


def create(traded: Traded, side: str, kind: str, **more: str) -> bytes:
    body = {
        "category": "linear",
        "symbol": traded.symbol,
        "side": side,
        "orderType": kind,
        "qty": traded.qty,
        "orderLinkId": f"load-{next(_numbers)}-{time.monotonic_ns() % 1_000_000}",
        **more,
    }
    if kind == "Limit":
        body["price"] = traded.low if side == "Buy" else traded.high
    return signed_post("/v5/order/create", body)


def cancel_all() -> bytes:
    return signed_post("/v5/order/cancel-all", {"category": "linear", "settleCoin": "USDT"})


def pace(*, paused: bool, speed: float | str | None = None) -> bytes:
    body: dict[str, object] = {"paused": paused} | ({} if speed is None else {"speed": speed})
    return post("/paper/v1/clock", body)


async def traded(served: Served) -> list[Traded]:
    """Every symbol that is listed now."""
    listed, shown = await _rows(served, "instruments-info"), await _rows(served, "tickers")
    last = {row["symbol"]: Decimal(row["lastPrice"]) for row in shown}
    found = []
    for row in listed:
        price, step = last[row["symbol"]], Decimal(row["lotSizeFilter"]["qtyStep"])
        tick = Decimal(row["priceFilter"]["tickSize"])
        qty = (WORTH / (price / 2) / step).to_integral_value(ROUND_UP) * step
        low, high = ((price * factor / tick).to_integral_value(ROUND_UP) * tick for factor in (Decimal("0.5"), 2))
        found.append(Traded(row["symbol"], f"{qty:f}", f"{low:f}", f"{high:f}"))
    return found


async def _rows(served: Served, name: str) -> Any:
    answer = await once(served, get(f"/v5/market/{name}?category=linear"))
    return json.loads(answer)["result"]["list"]


async def once(served: Served, request: bytes) -> bytes:
    """Ask one thing of the venue over a connection of its own; the body."""
    (caller,) = await callers(served, 1)
    answer = await caller.ask(request)
    caller.close()
    if request.split(b" ", 2)[1].startswith(b"/v5/"):
        check(answer)
    return answer.partition(b"\r\n\r\n")[2]
