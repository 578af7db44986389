"""`GET|POST /paper/v1/clock`: look at the market's clock, set it, or step it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Protocol

import orjson
import structlog
from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.common.clock import Clock, iso
from libs.common.errors import Refused
from libs.common.units import MINUTE_MS, Instant
from services.paper_exchange.core.dialect.reading import read_json
from services.paper_exchange.core.market.clock_order import MAX, ClockOrder, read_order
from services.paper_exchange.core.market.market import Market
from services.paper_exchange.core.relayed.relayed import Relayed

log = structlog.get_logger()

STRIDE_MS: Final = 5 * MINUTE_MS  # market time that is played at once, so that other requests get their turn


class Clocked(Protocol):
    """The running world. `speed` in market seconds a wall second; None is lockstep, where only steps move it."""

    speed: Decimal | None
    paused: bool

    @property
    def market(self) -> Market: ...

    @property
    def now(self) -> Instant: ...

    @property
    def executions(self) -> int:
        """Execution rows ever, funding rows included."""
        ...

    def advance(self, until: Instant) -> None: ...


class Listeners(Protocol):
    """Those who get frames."""

    async def settle(self) -> None:
        """End a step: return when everything that it gave to tell is on the wire."""
        ...


def clock_routes(world: Clocked, listeners: Sequence[Listeners], clock: Clock) -> list[Route]:
    """A step answers when all its fills and frames are pushed; what cannot be is HTTP 400 with `error`."""

    async def look(_request: Request) -> Response:
        return _json(_state(world))

    async def set_clock(request: Request) -> Response:
        try:
            order = read_order(read_json(await request.body()))
            _set(world, order)
        except Refused as error:
            return _json({"error": str(error)}, status=400)
        if order.step is not None:
            await _step(world, order.step, clock)
            for each in listeners:
                await each.settle()
        return _json(_state(world))

    return [
        Route("/paper/v1/clock", look, methods=["GET"]),
        Route("/paper/v1/clock", set_clock, methods=["POST"]),
    ]


def _set(world: Clocked, order: ClockOrder) -> None:
    """Set speed and pause; raises Refused for a step while the market runs freely."""
    if isinstance(world.market, Relayed) and (order.step is not None or order.speed not in {None, Decimal(1)}):
        raise Refused("speed, step: a relayed market goes with the venue that makes it, at speed 1")
    speed = world.speed if order.speed is None else _number(order.speed)
    paused = world.paused if order.paused is None else order.paused
    if order.step is not None and speed is not None and not paused:
        raise Refused("step: pause the clock first, or set speed to max")
    if (speed, paused) != (world.speed, world.paused):
        log.info("clock.set", speed=str(speed or MAX), paused=paused, market=iso(world.now))
    world.speed, world.paused = speed, paused


async def _step(world: Clocked, step_ms: int, clock: Clock) -> None:
    until = Instant(world.now + step_ms)
    if world.market.end is not None:
        until = min(until, world.market.end)
    while world.now < until:
        world.advance(min(until, Instant(world.now + STRIDE_MS)))
        await clock.sleep(0)


def _number(speed: Decimal | str) -> Decimal | None:
    return speed if isinstance(speed, Decimal) else None


def _state(world: Clocked) -> dict[str, JsonValue]:
    end = world.market.end
    return {
        "market_ms": world.now,
        "speed": MAX if world.speed is None else float(world.speed),
        "paused": world.paused,
        "ended": end is not None and world.now >= end,
        "executions": world.executions,
    }


def _json(body: dict[str, JsonValue], status: int = 200) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")
