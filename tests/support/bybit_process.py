"""The paper exchange as a process of its own, for clients that block: its market moves when the test says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import orjson

from libs.common.exchange.endpoints import Endpoint
from libs.common.units import MINUTE_MS, Instant
from tests.support.bybit_swings import PERIOD_MS, until_a_rise, write_swings
from tests.support.process import WITHIN_S, ServiceProcess
from tests.support.system import until

START: Final = "2025-09-18"


@dataclass
class ServedExchange:
    """A market of swings in lockstep, at `endpoint`."""

    endpoint: Endpoint
    http: httpx.Client

    @property
    def now(self) -> Instant:
        """Market time."""
        return Instant(self.http.get("/paper/v1/clock").json()["market_ms"])

    def steps(self, ms: int) -> None:
        """Let market time pass; returns when everything that happened is on the wire."""
        answer = self.http.post("/paper/v1/clock", json={"step": ms})
        assert answer.status_code == 200, answer.text

    def ticker(self, symbol: str = "BTCUSDT") -> dict[str, str]:
        asked = {"category": "linear", "symbol": symbol}
        [row] = self.http.get("/v5/market/tickers", params=asked).json()["result"]["list"]
        found: dict[str, str] = row
        return found

    def price(self, times: str = "1", symbol: str = "BTCUSDT") -> Decimal:
        """The last price, or a multiple of it on the tick."""
        last = Decimal(self.ticker(symbol)["lastPrice"])
        return (last * Decimal(times)).quantize(Decimal("0.1"))

    def rises(self) -> None:
        """Let the market swing until it is at 100,000 and will rise for an hour."""
        self.steps(until_a_rise(self.now))

    def goes_to(self, price: Decimal) -> None:
        """Let the market swing until it has passed `price`."""
        above = self.price() > price
        for _ in range(PERIOD_MS // MINUTE_MS):
            self.steps(MINUTE_MS)
            if (self.price() > price) != above:
                return
        raise AssertionError(f"the market never came to {price}")

    def audit(self) -> Any:
        return self.http.get("/paper/v1/audit").json()


@contextmanager
def served_exchange(home: Path, **paper: str) -> Iterator[ServedExchange]:
    """Run the process until the block ends; `paper` are settings of that section."""
    panel = write_swings(home / "swings")
    settings = {"MARKET": f"replay:{panel}", "FROM": START, "SPEED": "max", "BALANCE": "10000", **paper}
    process = ServiceProcess(
        "paper_exchange",
        home=home,
        redis_url="",
        prefix="clients:",
        settings={f"IRONKEEL_PAPER__{name.upper()}": value for name, value in settings.items()},
    )
    process.start()
    try:
        port = until(lambda: _port(home, process), within=WITHIN_S, what="a served exchange")
        at = f"127.0.0.1:{port}"
        with httpx.Client(base_url=f"http://{at}", timeout=WITHIN_S) as http:
            yield ServedExchange(Endpoint(f"http://{at}", f"ws://{at}", f"ws://{at}"), http)
    finally:
        process.kill()


def _port(home: Path, process: ServiceProcess) -> int | None:
    """Where it serves; None until it does."""
    assert process.exit_code() is None, process.said()
    told = home / "run" / "paper_exchange-2.json"
    return int(orjson.loads(told.read_bytes())["port"]) if told.is_file() else None
