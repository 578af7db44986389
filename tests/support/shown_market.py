"""A market that is shown but not traded: what the public side of the exchange needs, without any books."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from libs.common.units import Instant, Symbol
from services.paper_exchange.adapters.public_ws import PublicHub
from services.paper_exchange.core.depth import Depths, Quote
from services.paper_exchange.core.market import Market

Envelope: TypeAlias = dict[str, Any]  # decoded JSON, which a test knows the shape of


class ShownMarket:
    """Stands at `now` until it is advanced; tells its hub, if it has one."""

    def __init__(self, market: Market, now: Instant) -> None:
        self.market = market
        self.now = now
        self.speed: Decimal | None = None
        self.paused = False
        self.executions = 0
        self.hub: PublicHub | None = None
        self._depths = Depths(market)

    def quote(self, symbol: Symbol) -> Quote | None:
        last, mark = self.market.price(symbol, self.now), self.market.mark(symbol, self.now)
        return None if last is None or mark is None else self._depths.quote(symbol, last, mark, self.now)

    def advance(self, until: Instant) -> None:
        before, self.now = self.now, until
        if self.hub is not None:
            self.hub.moved(before, until)


async def get(routes: list[Route], path: str, **params: str | int) -> Envelope:
    """Ask `routes` over HTTP without a network; the whole envelope."""
    return await ask(routes, "GET", path, params=params)


async def ask(
    routes: list[Route],
    method: str,
    path: str,
    *,
    params: Mapping[str, str | int] | None = None,
    content: bytes | None = None,
) -> Envelope:
    transport = httpx.ASGITransport(app=Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://paper") as client:
        answer = await client.request(method, path, params=params, content=content)
    body: Envelope = answer.json()
    return {**body, "http": answer.status_code}
