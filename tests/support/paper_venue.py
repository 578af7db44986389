"""The paper exchange served in the test's own process, on a free port, over any market."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx
from pydantic import JsonValue

from libs.common.clock import SystemClock
from libs.common.exchange.endpoints import Endpoint
from libs.common.health import Health
from libs.common.http import serve_http
from libs.common.units import Symbol, Usd
from services.paper_exchange.adapters.disk.books_file import BooksFile
from services.paper_exchange.adapters.http.app import exchange_app
from services.paper_exchange.adapters.http.door import Door
from services.paper_exchange.adapters.http.reception import Key
from services.paper_exchange.adapters.http.restarts import Restarts
from services.paper_exchange.adapters.http.venue_clock import VenueClock
from services.paper_exchange.adapters.markets.synthetic import synthetic_market
from services.paper_exchange.adapters.sockets.private_ws import PrivateHub
from services.paper_exchange.adapters.sockets.public_ws import PublicHub
from services.paper_exchange.core.dialect.limits import Limits
from services.paper_exchange.core.faults.faults import Faults
from services.paper_exchange.core.market.market import Market
from services.paper_exchange.service import Opening, World

KEY = "paper"
SECRET = "paper"


@dataclass
class PaperVenue:
    """A running exchange in lockstep: its market moves by `steps` alone."""

    world: World
    endpoint: Endpoint
    http: httpx.AsyncClient
    limits: Limits | None
    door: Door

    async def steps(self, ms: int) -> None:
        answer = await self.http.post("/paper/v1/clock", json={"step": ms})
        assert answer.status_code == 200, answer.text

    async def audit(self, **query: int) -> dict[str, JsonValue]:
        answer = await self.http.get("/paper/v1/audit", params=query)
        body: dict[str, JsonValue] = answer.json()
        return body

    async def fault(self, rule: str, **fields: JsonValue) -> dict[str, JsonValue]:
        """Order a misfortune; returns what the exchange answers."""
        answer = await self.http.post("/paper/v1/faults", json={"rule": rule, **fields})
        assert answer.status_code == 200, answer.text
        body: dict[str, JsonValue] = answer.json()
        return body

    def price(self, symbol: Symbol) -> Decimal:
        return self.world.books.last[symbol]


@asynccontextmanager
async def paper_venue(
    home: Path, market: Market | None = None, *, balance: str = "1000", limits: bool = False
) -> AsyncIterator[PaperVenue]:
    """Serve `market` (a small synthetic one by default) from the books in `home`."""
    clock = SystemClock()
    key = Key(KEY, SECRET, Limits() if limits else None)
    played = market or synthetic_market(seed=7, symbols=3, start=None, end=None)
    with BooksFile(home / "paper" / "books.db", world="test") as file:
        shown = VenueClock(clock, Faults())
        private = PrivateHub(shown, key)
        opening = Opening(Usd(Decimal(balance)), 7, None, paused=False)
        world = World.open(played, file, private, opening, clock=clock)
        public = PublicHub(world, shown)
        app = exchange_app(world, file, private, public, key, shown, Restarts(clock), Health("paper_exchange"))
        async with serve_http(app, host="127.0.0.1", port=0, name="paper_exchange-2", home=home, clock=clock) as port:
            at = f"127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=f"http://{at}", timeout=20) as http:
                yield PaperVenue(world, Endpoint(f"http://{at}", f"ws://{at}", f"ws://{at}"), http, key.limits, app)
