"""The executor over HTTP: reads from the ledger, and writes that are nothing but commands on the stream."""

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path as File
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Path, Request

from libs.common.bodies import SmallBodies
from libs.common.bus import Bus
from libs.common.contracts.bounds import Name
from libs.common.exchange import Trading
from libs.common.health import Health, health_routes
from libs.common.problems import answer_with_problems
from libs.common.settings.sections import ApiSection
from services.executor.adapters.answers import Balance, Order, Position, Refusal, Session, Status, Trade, Wanted
from services.executor.adapters.list_rows import DECLINED, INTENTS, ORDERS, TRADES, Listing
from services.executor.adapters.metrics import expose
from services.executor.adapters.portfolio import Portfolio
from services.executor.adapters.recovery_rest import Rebuild, add_recovery_reads, add_recovery_writes
from services.executor.adapters.rest_writes import Commander, add_writes
from services.executor.adapters.routes import Json, List, page_of, route
from services.executor.adapters.view import Running, View

TOKEN_FILE: Final = "api.token"  # noqa: S105 a file's name
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
Called = Annotated[Name, Path(examples=["BTCUSDT"])]


class Served(Running, Protocol):
    """What the interface needs of the desk besides what it shows."""

    @property
    def trading(self) -> Trading: ...
    @property
    def health(self) -> Health: ...


def read_token(given: str, home: File) -> str:
    """Return the Bearer token of writes: the configured one, or that of `<home>/api.token`, made on first use."""
    if given:
        return given
    file = home / TOKEN_FILE
    home.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(handle, "w") as new:
        token = secrets.token_urlsafe(32)
        new.write(token + "\n")
    return token


def executor_app(desk: Served, bus: Bus, api: ApiSection, home: File, rebuild: Rebuild) -> FastAPI:
    """Build the application; `/docs` serves its OpenAPI. `rebuild` reads the ledger off the venue."""
    app = FastAPI(title="Ironkeel executor", version=desk.identity["version"])
    token = read_token(api.token.get_secret_value(), home)

    def has_token(request: Request) -> bool:
        said = request.headers.get("authorization", "")
        return hmac.compare_digest(said.encode(), f"Bearer {token}".encode())

    def may_read(request: Request) -> None:
        host = request.client.host if request.client else ""
        if api.open_reads == "any" or (api.open_reads == "loopback" and host in LOOPBACK) or has_token(request):
            return
        raise HTTPException(401, "reads need the token from here: Authorization: Bearer <api.token>")

    def may_write(request: Request) -> None:
        if not has_token(request):
            raise HTTPException(401, "writes need a token: Authorization: Bearer <api.token>")

    answer_with_problems(app)
    app.add_middleware(SmallBodies)
    reads, writes = APIRouter(dependencies=[Depends(may_read)]), APIRouter(dependencies=[Depends(may_write)])
    _add_reads(reads, desk)
    add_recovery_reads(reads, desk)
    add_writes(writes, Commander(desk, bus))
    add_recovery_writes(writes, desk, rebuild)
    app.include_router(reads)
    app.include_router(writes)
    app.include_router(health_routes(desk.health))
    expose(desk, desk.health.metrics.registry)
    return app


def _add_reads(routes: APIRouter, desk: Served) -> None:
    view, portfolio = View(desk), Portfolio(desk)
    get = route(routes, "GET")

    def listing(of: Listing) -> Callable[[List], Awaitable[Json]]:
        async def page(query: List) -> Json:
            with desk.ledger.read() as pages:
                items, following = pages.page(of, query.asked())
            return {"items": list(items), "next": following}

        return page

    async def status() -> Json:
        return view.status()

    async def positions() -> Json:
        return {"items": portfolio.positions(), "next": None}

    async def position(key: Called) -> Json:
        found = portfolio.position(key)
        if found is None:
            raise HTTPException(404, f"no open position is called {key}")
        return found

    async def session() -> Json:
        return portfolio.session()

    async def trade(trade_id: Called) -> Json:
        with desk.ledger.read() as pages:
            found = pages.trade(trade_id)
        if found is None:
            raise HTTPException(404, f"no closed trade is called {trade_id}")
        body: Json = found.model_dump(mode="json")
        return body

    async def balance() -> Json:
        return view.balance(await desk.trading.wallet())

    get("/v1/status", status, "Phase, evidence, switch, and why nothing is being entered", Status)
    get("/v1/positions", positions, "Open positions", page_of(Position))
    called = "One open position, by symbol or position id"
    get("/v1/positions/{key}", position, called, Position, on_404="no open position is called BTCUSDT")
    get("/v1/session", session, "Figures of the session", Session)
    get("/v1/trades", listing(TRADES), "Closed trades, newest first", page_of(Trade))
    closed = "One closed trade: the payload of trade.closed"
    get("/v1/trades/{trade_id}", trade, closed, Trade, on_404="no closed trade is called ika-BTCUSDT-hfyo0-e")
    get("/v1/orders", listing(ORDERS), "The venue's records of orders", page_of(Order))
    get("/v1/intents", listing(INTENTS), "Orders of ours, as the ledger wants them", page_of(Wanted))
    get("/v1/declined", listing(DECLINED), "Signals that were not entered, and why", page_of(Refusal))
    get("/v1/balance", balance, "The venue's balance against the ledger's", Balance)
