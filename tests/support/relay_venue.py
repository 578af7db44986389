"""A paper exchange that relays another venue, served in the test's own process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from libs.common.background import beside
from libs.common.clock import SystemClock
from libs.common.exchange.endpoints import Endpoint
from libs.common.health import Health
from libs.common.http import serve_http
from libs.common.units import Usd
from services.paper_exchange.adapters.disk.books_file import BooksFile
from services.paper_exchange.adapters.http.app import exchange_app
from services.paper_exchange.adapters.http.reception import Key
from services.paper_exchange.adapters.http.restarts import Restarts
from services.paper_exchange.adapters.http.venue_clock import VenueClock
from services.paper_exchange.adapters.markets.relay_opening import Upstream, relayed_market
from services.paper_exchange.adapters.sockets.private_ws import PrivateHub
from services.paper_exchange.adapters.sockets.public_ws import PublicHub
from services.paper_exchange.core.faults.faults import Faults
from services.paper_exchange.service import Opening, World
from tests.support.bybit_signed import tell
from tests.support.paper_venue import KEY, SECRET, PaperVenue
from tests.support.waiting import PATIENCE_S, eventually


@dataclass
class RelayVenue(PaperVenue):
    """Its market moves when the upstream's does."""

    async def why(self) -> str:
        """What it waits for; empty when it is ready."""
        answer = await self.http.get("/health/ready")
        assert (answer.status_code == 200) is answer.json()["ready"]
        return str(answer.json()["why"].get("upstream", ""))

    async def is_ready(self, *, within_s: float = PATIENCE_S) -> None:
        """Wait until orders are taken."""

        async def check() -> bool:
            return not await self.why()

        await eventually(check, within_s=within_s)

    async def is_cut_off(self) -> None:
        """Wait until it says that its market is not heard."""
        await eventually(self.why)

    async def market(self, name: str, **params: str | int) -> dict[str, Any]:
        """Ask for public data."""
        query = {"category": "linear", "symbol": "BTCUSDT", **params}
        body: dict[str, Any] = (await self.http.get(f"/v5/market/{name}", params=query)).json()
        return body

    async def candles(self, interval: str = "1", *, kind: str = "kline", **params: str | int) -> list[list[str]]:
        rows: list[list[str]] = (await self.market(kind, interval=interval, **params))["result"]["list"]
        return rows

    async def asks(self, path: str, **fields: str) -> dict[str, Any]:
        """Send a signed request."""
        read: dict[str, Any] = await tell(self.http, path, **fields)
        return read

    async def buys(self, qty: str, **fields: str) -> dict[str, Any]:
        return await self.asks("order/create", side="Buy", **{"orderType": "Market", "qty": qty, **fields})

    async def fills(self) -> list[tuple[str, str, str]]:
        """Side, quantity and price of every fill, oldest first."""
        rows: Any = (await self.audit())["fills"]
        return [(row["side"], row["qty"], row["price"]) for row in rows]

    async def reaches(self, market_ms: int) -> None:
        """Wait until the market was played up to there."""

        async def check() -> bool:
            return self.world.now >= market_ms

        await eventually(check)


@asynccontextmanager
async def relay_venue(
    home: Path, upstream: str, *, symbols: Sequence[str] | str = "top:50"
) -> AsyncIterator[RelayVenue]:
    """Relay the venue at `upstream` from the books in `home`; its books belong to the venue's time."""
    clock, key, health = SystemClock(), Key(KEY, SECRET, None), Health("paper_exchange")
    there = Upstream(upstream, upstream.replace("http", "ws"), home / "paper" / "upstream.json")
    with BooksFile(home / "paper" / "books.db", world="relay") as file:
        stood = file.clock()
        since = stood.market if stood else None
        async with relayed_market(there, symbols, since=since, clock=clock, health=health) as market:
            shown = VenueClock(clock, Faults())
            private = PrivateHub(shown, key)
            opening = Opening(Usd(Decimal(100_000)), 7, Decimal(1), paused=False)
            world = World.open(market, file, private, opening, clock=clock)
            public = PublicHub(world, shown)
            app = exchange_app(world, file, private, public, key, shown, Restarts(clock), health)
            async with (
                serve_http(app, host="127.0.0.1", port=0, name="paper_exchange-3", home=home, clock=clock) as port,
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http,
                beside(world.run()),
            ):
                at = f"127.0.0.1:{port}"
                yield RelayVenue(world, Endpoint(f"http://{at}", f"ws://{at}", f"ws://{at}"), http, key.limits, app)
