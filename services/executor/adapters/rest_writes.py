"""Writes over HTTP: commands on the stream and nothing else; a key makes a repeat the same command.

What cannot be meant is refused before anything is published: an unknown field, a field of another command, a key that
was used for other words.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Body, Header, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from libs.common.bus import Bus
from libs.common.contracts.bounds import Name, VenueSymbol, Words
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
from libs.common.ids import derive_id
from libs.common.units import Symbol
from services.executor.adapters.answers import Told
from services.executor.adapters.routes import Json, route
from services.executor.adapters.view import Running

KEPT_KEYS: Final = "idempotency:"
KEY: Final = Header(
    alias="Idempotency-Key",
    max_length=200,
    pattern=r"^[!-~]*$",
    description="The same key and words are the same command, however often they are sent.",
    examples=["6f1c9f0e-close-btc"],
)
Key = Annotated[str, KEY]
Of = Annotated[VenueSymbol, Path(description="Venue id", examples=["BTCUSDT"])]
SAID: Final[Json] = {"by": "operator", "reason": "maintenance"}


class Said(BaseModel):
    """The optional body of a write: who, and why."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [SAID]})

    by: Name = "rest"
    reason: Annotated[Words, Field(max_length=1_000)] = "asked over REST"

    @model_validator(mode="before")
    @classmethod
    def _nothing_else(cls, said: Any) -> Any:
        unknown = sorted(said.keys() - cls.model_fields.keys()) if isinstance(said, dict) else []
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no such key here; allowed are {', '.join(cls.model_fields)}")
        return said

    @classmethod
    def or_default(cls, said: Self | None) -> Self:
        return cls() if said is None else said


class SaidOfResume(Said):
    model_config = ConfigDict(json_schema_extra={"examples": [{**SAID, "halted": True}]})

    halted: bool = Field(False, description="Clear a halt too")


class SaidOfReview(Said):
    model_config = ConfigDict(json_schema_extra={"examples": [{**SAID, "symbol": "BTCUSDT"}]})

    symbol: VenueSymbol | None = Field(None, description="Only this one; all without it")


class Commander:
    """Turns a write into a command on the stream."""

    def __init__(self, desk: Running, bus: Bus) -> None:
        self._desk = desk
        self._bus = bus
        self._count = 0

    def name(self, schema: type[Message], key: str, *about: str) -> str:
        """The command's id; without a key each call is a command of its own."""
        self._count += 1
        return message_id(schema, "rest", key or f"{self._desk.session_id}|{self._count}", *about)

    def envelope(self, made: str) -> Json:
        return {"id": made, "cause": "", "trace": made, "at": self._desk.market.now()}

    def is_known(self, made: str, said: Said) -> bool:
        """Whether this key was published before. Raises HTTPException if it was with other words."""
        with self._desk.ledger.read() as pages:
            known = pages.cursor(f"{KEPT_KEYS}{made}")
        if known is not None and known != _digest(said):
            raise HTTPException(422, f"Idempotency-Key: it was used for other words than {said.model_dump_json()}")
        return known is not None

    async def publish(self, command: Message, key: str, said: Said) -> Json:
        """Publish, and remember the key for ever. Raises Transient without Redis."""
        await self._bus.publish(command)
        if key:
            with self._desk.ledger.write() as pages:
                pages.set_cursor(f"{KEPT_KEYS}{command.id}", _digest(said))
        return told(command.id)

    async def turn(self, schema: type[Switch], key: str, said: Said, **fields: JsonValue) -> Json:
        made = self.name(schema, key)
        if key and self.is_known(made, said):
            return told(made)
        who = {"by": said.by, "reason": said.reason}
        return await self.publish(schema.model_validate(self.envelope(made) | who | fields), key, said)

    async def close(self, symbol: str, key: str, said: Said) -> Json:
        made = self.name(PositionClose, key, symbol)
        if key and self.is_known(made, said):
            return told(made)
        with self._desk.ledger.read() as pages:
            kept = pages.open_position(Symbol(symbol))
        if kept is None:
            raise HTTPException(404, f"{symbol} has no open position")
        position = kept.position
        command = PositionClose.model_validate(
            self.envelope(made)
            | {
                "symbol": position.symbol,
                "position_id": position.position_id,
                "side": position.side,
                "version": position.version,
                "close_reason": CloseReason.MANUAL,
                "reason": f"{said.by}: {said.reason}",
            }
        )
        return await self.publish(command, key, said)


def _digest(said: Said) -> str:
    return derive_id("said", said.model_dump_json())


def told(made: str) -> Json:
    return {"command": made, "id": made}


def add_writes(routes: APIRouter, commander: Commander) -> None:
    post = route(
        routes,
        "POST",
        refuses={
            401: "writes need a token: Authorization: Bearer <api.token>",
            413: "the body has more than 65536 bytes",
            422: "body: Value error, haltd: no such key here; allowed are by, reason",
            503: "Redis does not answer: nothing was told; `ironkeel halt` needs neither",
        },
    )

    def turn(schema: type[Switch]) -> Callable[[Key, Said | None], Awaitable[Json]]:
        async def ask(idempotency_key: Key = "", said: Annotated[Said | None, Body()] = None) -> Json:
            return await commander.turn(schema, idempotency_key, Said.or_default(said))

        return ask

    async def resume(idempotency_key: Key = "", said: Annotated[SaidOfResume | None, Body()] = None) -> Json:
        body = SaidOfResume.or_default(said)
        return await commander.turn(EntriesResume, idempotency_key, body, halted=body.halted)

    async def accept(idempotency_key: Key = "", said: Annotated[SaidOfReview | None, Body()] = None) -> Json:
        body = SaidOfReview.or_default(said)
        return await commander.turn(RecoveryAccept, idempotency_key, body, symbol=body.symbol or "")

    async def close(symbol: Of, idempotency_key: Key = "", said: Annotated[Said | None, Body()] = None) -> Json:
        return await commander.close(symbol, idempotency_key, Said.or_default(said))

    post("/v1/entries/pause", turn(EntriesPause), "No more entries", Told, 202)
    post("/v1/entries/resume", resume, "Entries again; halted: true clears a halt too", Told, 202)
    post("/v1/halt", turn(Halt), "No entries, and working ones are cancelled", Told, 202)
    post("/v1/flatten", turn(Flatten), "Close everything, and halt", Told, 202)
    post("/v1/detach", turn(Detach), "Stop managing; stops stay at the venue", Told, 202)
    post("/v1/recovery/accept", accept, "A person has looked: at one symbol, or at everything", Told, 202)
    post(
        "/v1/positions/{symbol}/close",
        close,
        "Close one position",
        Told,
        202,
        on_404="BTCUSDT has no open position",
    )
