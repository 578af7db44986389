"""A market that is shown but not traded: what the public side of the exchange needs, without any books."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import httpx
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from libs.common.clock import Clock
from libs.common.errors import Refused
from libs.common.units import Instant, Symbol
from services.paper_exchange.adapters.http.door import Door
from services.paper_exchange.adapters.http.public_rest import public_endpoints
from services.paper_exchange.adapters.http.reception import Key, Reception
from services.paper_exchange.adapters.sockets.public_ws import PublicHub
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.dialect.limits import Limits
from services.paper_exchange.core.faults.faults import Faults
from services.paper_exchange.core.market.depth import Depths, Quote
from services.paper_exchange.core.market.market import Market

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


def shown_venue(shown: ShownMarket, clock: Clock, limits: Limits | None = None) -> Door:
    """The venue's door with the public endpoints behind it, and no desk."""
    endpoints = public_endpoints(shown, clock)
    return Door(Reception(NoDesk(), Key("", "", limits), clock, endpoints, Faults()), Starlette(), clock)


class NoDesk:
    """Where nothing is signed, nothing is noted."""

    def command(self, path: str, fields: Fields) -> Json:
        raise AssertionError(path)

    def refuse(self, path: str, fields: Fields, error: Refused) -> None:
        pass

    async def durable(self) -> None:
        pass


async def get(app: ASGIApp | list[Route], path: str, **params: str | int) -> Envelope:
    """Ask `app` over HTTP without a network; the whole envelope."""
    return await ask(app, "GET", path, params=params)


async def ask(
    app: ASGIApp | list[Route],
    method: str,
    path: str,
    *,
    params: Mapping[str, str | int] | None = None,
    content: bytes | None = None,
) -> Envelope:
    transport = httpx.ASGITransport(app=Starlette(routes=app) if isinstance(app, list) else app)
    async with httpx.AsyncClient(transport=transport, base_url="http://paper") as client:
        answer = await client.request(method, path, params=params, content=content)
    body: Envelope = answer.json()
    return {**body, "http": answer.status_code}
