"""Where every request passes, by REST or over the trade socket: misfortune, proof, rate, desk, disk, answer.

1. A request is judged in the venue's order: key, time, signature, rate, then what it asks for.
2. A signed request is answered when what it changed is on disk, and so is the note of one that was refused.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from libs.common.clock import Clock
from libs.common.errors import Refused
from services.paper_exchange.adapters.http.befalling import befall
from services.paper_exchange.adapters.http.envelope import Answer, Reply, refused
from services.paper_exchange.core.books import refusals as no
from services.paper_exchange.core.books.fields import Fields, Json
from services.paper_exchange.core.books.refusals import bad, refusal
from services.paper_exchange.core.dialect.limits import Allowance, Limits
from services.paper_exchange.core.dialect.signing import Proof, check_proof
from services.paper_exchange.core.faults.faults import REQUESTS, Faults
from services.paper_exchange.core.faults.subject import of_request


class Desk(Protocol):
    """Who answers once it is known who asks."""

    def command(self, path: str, fields: Fields) -> Json: ...

    def refuse(self, path: str, fields: Fields, error: Refused) -> None:
        """Note a request that was refused before it reached the desk."""
        ...

    async def durable(self) -> None:
        """Return when everything so far is on disk."""
        ...


@dataclass(frozen=True, slots=True)
class Key:
    """The one key that the exchange accepts; `limits` None: no rate limits."""

    key: str
    secret: str = field(repr=False)
    limits: Limits | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers a path. A public one asks for no proof and costs nothing but its address's share."""

    method: str
    act: Callable[[Fields], Awaitable[Answer]]
    signed: bool = False
    cost: Callable[[Fields], int] = lambda _fields: 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came. `proof` is None where nothing is signed; `problem`: why its fields cannot be read."""

    method: str
    path: str
    fields: Fields
    proof: Proof
    problem: str = ""


class Reception:
    def __init__(self, desk: Desk, key: Key, clock: Clock, endpoints: Mapping[str, Endpoint], faults: Faults) -> None:
        self.key = key
        self._desk, self._clock = desk, clock
        self._endpoints, self._faults = endpoints, faults

    async def take(self, asked: Asked) -> Reply:
        """Answer a request, unless something befalls it."""
        hit = None
        if self._faults.has_any(REQUESTS):
            hit = self._faults.meet(REQUESTS, of_request(asked.path, asked.fields.values), self._clock.monotonic_ms())
        if hit is None:
            return await self._judge(asked)
        reply = await befall(
            hit.fault,
            lambda: self._judge(asked),
            lambda error: self._desk.refuse(asked.path, asked.fields, error),
            self._clock.sleep,
        )
        await self._desk.durable()
        return reply

    async def turn_away(self, path: str, fields: Fields, error: Refused) -> Answer:
        """Refuse what is not worth judging."""
        self._desk.refuse(path, fields, error)
        await self._desk.durable()
        return refused(error)

    async def _judge(self, asked: Asked) -> Answer:
        endpoint = self._endpoints.get(asked.path)
        if endpoint is None or endpoint.method != asked.method:
            return refused(refusal(no.NO_ROUTE))
        if not endpoint.signed:
            return await _acted(endpoint, asked.fields)
        allowance: Allowance | None = None
        try:
            check_proof(asked.proof, key=self.key.key, secret=self.key.secret, now=self._clock.now())
            allowance = self._allowance(asked.path, endpoint.cost(asked.fields))
            if allowance is not None and not allowance.granted:
                raise refusal(no.TOO_MANY)
            if asked.problem:
                raise bad(asked.problem)
        except Refused as error:
            self._desk.refuse(asked.path, asked.fields, error)
            answer = refused(error)
        else:
            answer = await _acted(endpoint, asked.fields)
        await self._desk.durable()
        return answer if allowance is None else replace(answer, allowance=allowance)

    def _allowance(self, path: str, cost: int) -> Allowance | None:
        limits = self.key.limits
        return limits.ask(path, self._clock.monotonic_ms(), cost) if limits else None


async def _acted(endpoint: Endpoint, fields: Fields) -> Answer:
    try:
        return await endpoint.act(fields)
    except Refused as error:
        return refused(error)
