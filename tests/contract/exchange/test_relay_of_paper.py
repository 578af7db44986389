"""A paper exchange that relays another paper exchange: clients see the same market at both, whatever befalls it."""

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from libs.common.units import HOUR_MS, MINUTE_MS, Instant, Symbol
from tests.support.bybit_clients import stock_ccxt
from tests.support.paper_venue import PaperVenue, paper_venue
from tests.support.process import ServiceProcess
from tests.support.relay_venue import RelayVenue, relay_venue
from tests.support.venue_socket import VenueSocket, venue_socket
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

BTC = Symbol("BTCUSDT")
LONG_ENOUGH_S = 60.0  # for a process to start on a busy machine, and a connection to be made to it
TURNOVER = 6  # column of a candle


@pytest.fixture
async def upstream(tmp_path: Path) -> AsyncIterator[PaperVenue]:
    async with paper_venue(tmp_path / "upstream") as venue:
        await venue.steps(30 * MINUTE_MS + 1_234)
        yield venue


@pytest.fixture
async def relay(upstream: PaperVenue, tmp_path: Path) -> AsyncIterator[RelayVenue]:
    async with relay_venue(tmp_path / "relay", upstream.endpoint.rest) as venue:
        await venue.is_ready()
        yield venue


async def told(venue: httpx.AsyncClient, name: str, **params: str | int) -> Any:
    answer = await venue.get(f"/v5/market/{name}", params={"category": "linear", **params})
    return answer.json()["result"]


async def steps(upstream: PaperVenue, relay: RelayVenue, ms: int) -> None:
    await upstream.steps(ms)
    await relay.reaches(upstream.world.now)


async def test_public_questions_have_the_same_answers_at_both(upstream: PaperVenue, relay: RelayVenue) -> None:
    for ms in (1_000, MINUTE_MS, 15 * MINUTE_MS):
        await steps(upstream, relay, ms)
        questions: list[tuple[str, dict[str, str | int]]] = [
            ("instruments-info", {}),
            ("tickers", {}),
            ("recent-trade", {"symbol": BTC, "limit": 200}),
            ("funding/history", {"symbol": BTC, "limit": 50}),
            ("kline", {"symbol": BTC, "interval": "1", "limit": 300}),
            ("mark-price-kline", {"symbol": BTC, "interval": "15", "limit": 50}),
            ("index-price-kline", {"symbol": BTC, "interval": "15", "limit": 50}),
            ("premium-index-price-kline", {"symbol": BTC, "interval": "15", "limit": 50}),
        ]
        for name, params in questions:
            here, there = await told(relay.http, name, **params), await told(upstream.http, name, **params)
            assert here == there, name
        levels = [await told(venue.http, "orderbook", symbol=BTC, limit=50) for venue in (relay, upstream)]
        assert [levels[0][side] for side in "ab"] == [levels[1][side] for side in "ab"]


@pytest.mark.parametrize("interval", ["5", "15", "60", "D"])
async def test_closed_candles_are_the_same_and_forming_ones_but_for_the_rounding_of_turnover(
    upstream: PaperVenue, relay: RelayVenue, interval: str
) -> None:
    await steps(upstream, relay, 20 * MINUTE_MS)
    asked = {"symbol": BTC, "interval": interval, "limit": 1_000 if interval == "15" else 200}
    here, there = await told(relay.http, "kline", **asked), await told(upstream.http, "kline", **asked)
    assert here["list"][1:] == there["list"][1:]
    assert here["list"][0][:TURNOVER] == there["list"][0][:TURNOVER]
    assert float(here["list"][0][TURNOVER]) == pytest.approx(float(there["list"][0][TURNOVER]), rel=1e-6)


async def test_ccxt_reads_the_same_market_at_both(upstream: PaperVenue, relay: RelayVenue) -> None:
    await steps(upstream, relay, MINUTE_MS)
    read: list[Any] = []
    for endpoint in (relay.endpoint, upstream.endpoint):
        async with stock_ccxt(endpoint) as bybit:
            candles = await bybit.fetch_ohlcv("BTC/USDT:USDT", "15m", limit=200)
            book = await bybit.fetch_order_book("BTC/USDT:USDT", limit=25)
            ticker = await bybit.fetch_ticker("BTC/USDT:USDT")
            trades = await bybit.fetch_trades("BTC/USDT:USDT", limit=50)
        shown = [ticker[name] for name in ("last", "bid", "ask", "markPrice", "high", "quoteVolume")]
        read.append((candles, book["bids"], book["asks"], shown, [(each["id"], each["price"]) for each in trades]))
    assert read[0] == read[1]


async def test_streams_tell_the_same_trades_and_candles_at_both(upstream: PaperVenue, relay: RelayVenue) -> None:
    topics = [f"publicTrade.{BTC}", f"kline.1.{BTC}", f"kline.15.{BTC}"]
    async with (
        venue_socket(relay.endpoint.public_stream) as here,
        venue_socket(upstream.endpoint.public_stream) as there,
    ):
        for each in (here, there):
            assert (await each.ask(op="subscribe", args=topics))["success"]
        await upstream.steps(16 * MINUTE_MS)
        newest = (await told(upstream.http, "recent-trade", symbol=BTC, limit=1))["list"][0]["execId"]
        assert await closes_and_trades(here, newest) == await closes_and_trades(there, newest)


async def closes_and_trades(line: VenueSocket, newest: str) -> tuple[list[Any], list[Any]]:
    """Sixteen closed minutes and the quarter hour among them, and every trade up to the newest."""
    closed: list[Any] = []
    trades: list[Any] = []
    while len(closed) < 17 or not trades or trades[-1][0] != newest:
        heard = await line.hear()
        rows, topic = heard.get("data", []), heard.get("topic", "")
        if topic.startswith("kline"):
            names = ("interval", "start", "end", "open", "high", "low", "close", "volume")
            closed += [[row[name] for name in names] for row in rows if row["confirm"]]
        elif topic.startswith("publicTrade"):
            trades += [[row[name] for name in ("i", "T", "p", "v", "S")] for row in rows]
    return closed, trades


async def test_a_market_order_is_filled_from_the_levels_that_the_upstream_shows(
    upstream: PaperVenue, relay: RelayVenue
) -> None:
    await steps(upstream, relay, MINUTE_MS)
    asks = (await told(upstream.http, "orderbook", symbol=BTC, limit=5))["a"]
    (best, first), (worse, _) = asks[:2]
    assert (await relay.buys(str(Decimal(first).quantize(Decimal("0.001")) + 1)))["retCode"] == 0
    rest = Decimal(first).quantize(Decimal("0.001")) + 1 - Decimal(first)
    assert [fill[1:] for fill in await relay.fills()] == [(first, best), (str(rest), worse)]


@dataclass
class Upstream:
    """A real process in lockstep, on a port that it keeps from life to life."""

    home: Path
    port: int
    process: ServiceProcess = field(init=False)

    def __post_init__(self) -> None:
        settings = {
            "IRONKEEL_SERVICE__INSTANCE": "paper_exchange",
            "IRONKEEL_PORTS__BASE": str(self.port - 100),
            "IRONKEEL_PAPER__SPEED": "max",
            "IRONKEEL_PAPER__SYMBOLS": "2",
            "IRONKEEL_PAPER__LIMITS": "off",
        }
        self.process = ServiceProcess("paper_exchange", home=self.home, redis_url="", prefix="x:", settings=settings)
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=20)

    async def starts(self) -> None:
        self.process.start()
        await eventually(self.answers, within_s=LONG_ENOUGH_S)

    async def answers(self) -> bool:
        assert self.process.exit_code() is None, self.process.said()
        try:
            return (await self.http.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def steps(self, ms: int) -> Instant:
        answer = await self.http.post("/paper/v1/clock", json={"step": ms})
        return Instant(answer.json()["market_ms"])


@pytest.fixture
async def killed_upstream(tmp_path: Path) -> AsyncIterator[Upstream]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "upstream").mkdir()
    upstream = Upstream(tmp_path / "upstream", port)
    await upstream.starts()
    yield upstream
    upstream.process.kill()
    await upstream.http.aclose()


async def test_an_upstream_that_is_killed_and_comes_back_leaves_no_hole(
    killed_upstream: Upstream, tmp_path: Path
) -> None:
    upstream = killed_upstream
    async with relay_venue(tmp_path / "relay", f"http://127.0.0.1:{upstream.port}") as relay:
        await relay.is_ready()
        for ms in (MINUTE_MS, 2 * MINUTE_MS + 77):
            await relay.reaches(await upstream.steps(ms))
        assert (await relay.buys("0.01"))["retCode"] == 0

        upstream.process.kill()
        await relay.is_cut_off()
        stood = relay.world.now
        assert (await relay.buys("0.01"))["retCode"] == 10016

        await upstream.starts()
        now = await upstream.steps(HOUR_MS)
        await relay.is_ready(within_s=LONG_ENOUGH_S)
        await relay.reaches(now)
        assert relay.world.now >= now > stood
        for interval in ("1", "15"):
            asked = {"symbol": BTC, "interval": interval, "limit": 200}
            here, there = await told(relay.http, "kline", **asked), await told(upstream.http, "kline", **asked)
            assert [row[:TURNOVER] for row in here["list"]] == [row[:TURNOVER] for row in there["list"]]
        assert (await relay.buys("0.01"))["retCode"] == 0


async def test_a_real_relay_process_serves_a_live_market(killed_upstream: Upstream, tmp_path: Path) -> None:
    home = tmp_path / "relay"
    home.mkdir()
    settings = {
        "IRONKEEL_PAPER__MARKET": "live",
        "IRONKEEL_PAPER__UPSTREAM_URL": f"http://127.0.0.1:{killed_upstream.port}/",
        "IRONKEEL_MARKET__SYMBOLS": "top:1",
    }
    process = ServiceProcess("paper_exchange", home=home, redis_url="", prefix="x:", settings=settings)
    process.start()
    try:
        place = home / "run" / "paper_exchange-2.json"

        async def port() -> int:
            return int(orjson.loads(place.read_bytes())["port"]) if place.exists() else 0

        at = await eventually(port, within_s=LONG_ENOUGH_S)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{at}", timeout=20) as http:

            async def is_ready() -> bool:
                return (await http.get("/health/ready")).status_code == 200

            await eventually(is_ready, within_s=LONG_ENOUGH_S)
            now = await killed_upstream.steps(MINUTE_MS)

            async def clock() -> bool:
                state = (await http.get("/paper/v1/clock")).json()
                assert (state["speed"], state["ended"]) == (1, False)
                return bool(state["market_ms"] >= now)

            await eventually(clock)
            rows = (await told(http, "instruments-info"))["list"]
            assert len(rows) == 1
    finally:
        process.kill()
