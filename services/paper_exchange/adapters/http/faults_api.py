"""`GET|POST|DELETE /paper/v1/faults`: make things go wrong, for tests of those who trade here."""

from dataclasses import asdict, dataclass
from typing import Final, Protocol

import orjson
import structlog
from pydantic import JsonValue
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.common.clock import Clock
from libs.common.errors import Refused
from libs.common.units import Symbol
from services.paper_exchange.adapters.http.misled import Misled
from services.paper_exchange.adapters.http.restarts import Restarts
from services.paper_exchange.adapters.sockets.unruly_sockets import UnrulySockets
from services.paper_exchange.core.dialect.reading import read_json
from services.paper_exchange.core.faults.fault_order import TAKES, read_fault
from services.paper_exchange.core.faults.faults import Fault, Faults, Misfortune, Standing

log = structlog.get_logger()
MOST_BYTES: Final = 16 * 1024


class LosesStops(Protocol):
    """The world, as far as it can lose what it holds."""

    def lose_stops(self, symbol: Symbol | None) -> int:
        """Let stops vanish; returns how many."""
        ...

    async def durable(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Hands:
    """What things go wrong with."""

    sockets: UnrulySockets
    misled: Misled
    world: LosesStops
    restarts: Restarts


def fault_routes(faults: Faults, hands: Hands, clock: Clock) -> list[Route]:
    """A wrong rule is HTTP 400 with `error`; every other answer tells what is in force, and what a POST hit at once."""

    async def add(request: Request) -> Response:
        try:
            fault = read_fault(await _body(request))
            hit, after = await _begin(fault)
        except Refused as error:
            return _json({"error": str(error)}, status=400)
        log.warning("fault.ordered", rule=fault.rule.value, hit=hit)
        return _json({"faults": _standing(faults, clock), "hit": hit}, after=after)

    async def _begin(fault: Fault) -> tuple[int, BackgroundTask | None]:
        """Put a rule in force, or do what is done at once; returns how much that hit, and what is left to do."""
        if fault.rule is Misfortune.DISCONNECT:
            return hands.sockets.cut(fault.stream), None
        if fault.rule is Misfortune.LOSE_STOP:
            hit = hands.world.lose_stops(Symbol(fault.symbol) if fault.symbol else None)
            await hands.world.durable()
            return hit, None
        if fault.rule is Misfortune.RESTART:
            return 0, BackgroundTask(_restart, hands, fault.down_ms)
        number = faults.add(fault, clock.monotonic_ms())
        if fault.rule is Misfortune.STALE_POSITIONS:
            hands.misled.remember(number)
        return 0, None

    async def look(_request: Request) -> Response:
        return _json(
            {"faults": _standing(faults, clock), "rules": {rule.value: fields for rule, fields in TAKES.items()}}
        )

    async def clear(_request: Request) -> Response:
        faults.clear()
        return _json({"faults": _standing(faults, clock)})

    return [
        Route("/paper/v1/faults", look, methods=["GET"]),
        Route("/paper/v1/faults", add, methods=["POST"]),
        Route("/paper/v1/faults", clear, methods=["DELETE"]),
    ]


async def _body(request: Request) -> JsonValue:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Refused(f"body is larger than {MOST_BYTES} bytes")
    return read_json(body)


def _standing(faults: Faults, clock: Clock) -> list[dict[str, object]]:
    at = clock.monotonic_ms()
    return [_row(each, at) for each in faults.standing(at).values()]


def _row(standing: Standing, at: float) -> dict[str, object]:
    """A rule as it was ordered, with what it has done so far."""
    left_ms = None if standing.until is None else round(standing.until - at)
    told = asdict(standing.fault)
    row = {name: told[name] for name in ("rule", *TAKES[standing.fault.rule])}
    return {"number": standing.number, **row, "met": standing.met, "hits": standing.hits, "left_ms": left_ms}


async def _restart(hands: Hands, down_ms: int) -> None:
    hands.sockets.cut(None)
    hands.restarts.order(down_ms)


def _json(body: dict[str, object], status: int = 200, after: BackgroundTask | None = None) -> Response:
    raw = orjson.dumps(body, default=str)
    return Response(raw, status_code=status, media_type="application/json", background=after)
