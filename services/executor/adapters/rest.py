"""The executor over HTTP: reads from the ledger, and writes that are nothing but commands on the stream."""

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from fastapi import Body as FromBody
from pydantic import BaseModel, ConfigDict, JsonValue

from libs.common.bus import Bus
from libs.common.contracts.commands import (
    Detach,
    EntriesPause,
    EntriesResume,
    Flatten,
    Halt,
    PositionClose,
    RecoveryAccept,
    Switch,
)
from libs.common.contracts.message import Message, message_id
from libs.common.contracts.trades import CloseReason
from libs.common.exchange import Trading
from libs.common.health import Health, health_routes
from libs.common.problems import answer_with_problems
from libs.common.settings.sections import ApiSection
from libs.common.units import Symbol
from services.executor.adapters.list_rows import DECLINED, INTENTS, ORDERS, TRADES, Listing
from services.executor.adapters.metrics import expose
from services.executor.adapters.portfolio import Portfolio
from services.executor.adapters.recovery_rest import Rebuild, add_recovery_reads, add_recovery_writes
from services.executor.adapters.routes import Json, List, route
from services.executor.adapters.view import Running, View

TOKEN_FILE: Final = "api.token"  # noqa: S105 a file's name
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
KEPT_KEYS: Final = "idempotency:"


class Served(Running, Protocol):
    """What the interface needs of the desk besides what it shows."""

    @property
    def trading(self) -> Trading: ...
    @property
    def health(self) -> Health: ...


def read_token(given: str, home: Path) -> str:
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


Key = Annotated[str, Header(alias="Idempotency-Key")]


def executor_app(desk: Served, bus: Bus, api: ApiSection, home: Path, rebuild: Rebuild) -> FastAPI:
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
    reads, writes = APIRouter(dependencies=[Depends(may_read)]), APIRouter(dependencies=[Depends(may_write)])
    _add_reads(reads, desk)
    add_recovery_reads(reads, desk)
    _add_writes(writes, Commander(desk, bus))
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
                items, following = pages.page(of, query)
            return {"items": list(items), "next": following}

        return page

    async def status() -> Json:
        return view.status()

    async def positions() -> Json:
        return {"items": portfolio.positions(), "next": None}

    async def position(key: str) -> Json:
        found = portfolio.position(key)
        if found is None:
            raise HTTPException(404, f"no open position is called {key}")
        return found

    async def session() -> Json:
        return portfolio.session()

    async def trade(trade_id: str) -> Json:
        with desk.ledger.read() as pages:
            found = pages.trade(trade_id)
        if found is None:
            raise HTTPException(404, f"no closed trade is called {trade_id}")
        body: Json = found.model_dump(mode="json")
        return body

    async def balance() -> Json:
        return view.balance(await desk.trading.wallet())

    get("/v1/status", status, "Phase, evidence, switch, and why nothing is being entered")
    get("/v1/positions", positions, "Open positions")
    get("/v1/positions/{key}", position, "One open position, by symbol or position id")
    get("/v1/session", session, "Figures of the session")
    get("/v1/trades", listing(TRADES), "Closed trades, newest first")
    get("/v1/trades/{trade_id}", trade, "One closed trade: the payload of trade.closed")
    get("/v1/orders", listing(ORDERS), "The venue's records of orders")
    get("/v1/intents", listing(INTENTS), "Orders of ours, as the ledger wants them")
    get("/v1/declined", listing(DECLINED), "Signals that were not entered, and why")
    get("/v1/balance", balance, "The venue's balance against the ledger's")


class Commander:
    """Turns a write into a command on the stream; the same Idempotency-Key is the same command."""

    def __init__(self, desk: Served, bus: Bus) -> None:
        self._desk = desk
        self._bus = bus
        self._count = 0

    def envelope(self, schema: type[Message], key: str, *about: str) -> Json:
        """The fields that every command has; without a key each call is a command of its own."""
        self._count += 1
        cause = key or f"{self._desk.session_id}|{self._count}"
        made = message_id(schema, "rest", cause, *about)
        return {"id": made, "cause": "", "trace": made, "at": self._desk.market.now()}

    async def publish(self, command: Message, key: str) -> Json:
        """Publish once for a key, for ever; answers with the command's id. Raises Transient without Redis."""
        name = f"{KEPT_KEYS}{command.id}"
        with self._desk.ledger.read() as pages:
            known = key and pages.cursor(name)
        if not known:
            await self._bus.publish(command)
            if key:
                with self._desk.ledger.write() as pages:
                    pages.set_cursor(name, command.id)
        return {"command": command.id, "id": command.id}

    async def turn(self, schema: type[Switch], key: str, said: "Said", **fields: JsonValue) -> Json:
        who = {"by": said.by, "reason": said.reason}
        return await self.publish(schema.model_validate(self.envelope(schema, key) | who | fields), key)

    async def close(self, symbol: str, key: str, said: "Said") -> Json:
        with self._desk.ledger.read() as pages:
            kept = pages.open_position(Symbol(symbol))
        if kept is None:
            raise HTTPException(404, f"{symbol} has no open position")
        position = kept.position
        command = PositionClose.model_validate(
            self.envelope(PositionClose, key, position.position_id)
            | {
                "symbol": position.symbol,
                "position_id": position.position_id,
                "side": position.side,
                "version": position.version,
                "close_reason": CloseReason.MANUAL,
                "reason": f"{said.by}: {said.reason}",
            }
        )
        return await self.publish(command, key)


class Said(BaseModel):
    """The optional body of a write: who, why, and what it is about."""

    model_config = ConfigDict(extra="forbid")

    by: str = "rest"
    reason: str = "asked over REST"
    halted: bool = False  # of resume: clear a halt too
    symbol: str | None = None  # of recovery/accept: only this one


Body = Annotated[Said | None, FromBody()]


def _add_writes(routes: APIRouter, commander: Commander) -> None:
    post = route(routes, "POST")

    def turn(schema: type[Switch], **fields: JsonValue) -> Callable[[Key, Body], Awaitable[Json]]:
        async def ask(idempotency_key: Key = "", said: Body = None) -> Json:
            return await commander.turn(schema, idempotency_key, said or Said(), **fields)

        return ask

    async def resume(idempotency_key: Key = "", said: Body = None) -> Json:
        body = said or Said()
        return await commander.turn(EntriesResume, idempotency_key, body, halted=body.halted)

    async def accept(idempotency_key: Key = "", said: Body = None) -> Json:
        body = said or Said()
        return await commander.turn(RecoveryAccept, idempotency_key, body, symbol=body.symbol or "")

    async def close(symbol: str, idempotency_key: Key = "", said: Body = None) -> Json:
        return await commander.close(symbol, idempotency_key, said or Said())

    post("/v1/entries/pause", turn(EntriesPause), "No more entries", 202)
    post("/v1/entries/resume", resume, "Entries again; halted: true clears a halt too", 202)
    post("/v1/halt", turn(Halt), "No entries, and working ones are cancelled", 202)
    post("/v1/flatten", turn(Flatten), "Close everything, and halt", 202)
    post("/v1/detach", turn(Detach), "Stop managing; stops stay at the venue", 202)
    post("/v1/recovery/accept", accept, "A person has looked: at one symbol, or at everything", 202)
    post("/v1/positions/{symbol}/close", close, "Close one position", 202)
