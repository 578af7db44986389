"""What a service says of itself over HTTP: live, ready, metrics, and how far it has read.

`/health/progress` is for lockstep: the market waits until every service has handled everything.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from pydantic import JsonValue

from libs.common.bus import Bus, StreamLag
from libs.common.errors import Transient
from libs.common.metrics import CONTENT_TYPE, Metrics
from libs.common.units import Instant

Json = dict[str, JsonValue]


@dataclass(slots=True)
class Health:
    """Mutable self-report of one process, written by its service and served by its HTTP server.

    `waiting_for` maps a reason ("training 15m") to its progress ("40 %"); ready when it is empty. `notes` tell in the
    same way what somebody should look at and what keeps nobody from working.
    """

    service: str
    instance: str = ""  # the service's name for its first replica
    waiting_for: dict[str, str] = field(default_factory=lambda: {"starting": ""})
    notes: dict[str, str] = field(default_factory=dict)
    cursors: Mapping[str, str] = field(default_factory=dict)  # broadcast stream -> entry id handled last
    market_ms: Instant = Instant(0)  # everything the venue pushed up to here is handled (fetcher, executor)
    in_flight: int = 0  # effects begun and not ended
    facts: dict[str, int] = field(default_factory=dict)  # such as executions known to the ledger
    look: Callable[[], None] = lambda: None  # brings the figures above up to date, when somebody asks for them
    metrics: Metrics = field(init=False)
    _bus: Bus | None = None
    _reads: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.instance = self.instance or self.service
        self.metrics = Metrics(self.service)

    @property
    def ready(self) -> bool:
        return not self.waiting_for

    def wait_for(self, reason: str, progress: str = "") -> None:
        self.waiting_for.pop("starting", None)
        self.waiting_for[reason] = progress

    def done_with(self, reason: str) -> None:
        self.waiting_for.pop("starting", None)
        self.waiting_for.pop(reason, None)

    def watch(self, bus: Bus, reads: Sequence[str]) -> None:
        """Report lag and cursors from `bus` itself, for the streams that this process reads."""
        self._bus, self._reads = bus, tuple(reads)

    async def lag(self) -> Sequence[StreamLag]:
        """Raises Transient when Redis cannot say."""
        return await self._bus.lag(self._reads) if self._bus else ()

    def read_to(self) -> Mapping[str, str]:
        """Entry id acknowledged last, per broadcast stream."""
        return {**self.cursors, **(self._bus.cursors() if self._bus else {})}


def health_routes(health: Health) -> APIRouter:
    """The endpoints that every service has, for `app.include_router`."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health/live")
    async def live() -> Json:
        """The process runs and its loop turns."""
        return {"live": True, "service": health.service, "instance": health.instance}

    @routes.get("/health/ready")
    async def ready() -> JSONResponse:
        """200 when the service can do its work, 503 with reasons and progress until then; notes where there are any."""
        said: Json = {"ready": health.ready, "why": dict(health.waiting_for)}
        if health.notes:
            said["notes"] = dict(health.notes)
        return JSONResponse(said, status_code=200 if health.ready else 503)

    @routes.get("/health/progress")
    async def progress() -> JSONResponse:
        """How far this process has come; 503 when Redis cannot say."""
        try:
            return JSONResponse(await _progress(health))
        except Transient as error:
            return JSONResponse({"service": health.service, "why": {"redis": str(error)}}, status_code=503)

    @routes.get("/metrics")
    async def metrics() -> Response:
        """Prometheus' text format; the lag is as old as the last time that Redis could say."""
        with suppress(Transient):
            for lag in await health.lag():
                health.metrics.lagging(lag)
        health.look()
        health.metrics.state(ready=health.ready, in_flight=health.in_flight, market_ms=health.market_ms)
        return Response(health.metrics.text(), media_type=CONTENT_TYPE)

    return routes


def health_app(health: Health) -> FastAPI:
    """An application with these endpoints and no others."""
    app = FastAPI(title=f"Ironkeel {health.service}")
    app.include_router(health_routes(health))
    return app


async def _progress(health: Health) -> Json:
    health.look()
    return {
        "service": health.service,
        "instance": health.instance,
        "ready": health.ready,
        "market_ms": health.market_ms,
        "in_flight": health.in_flight,
        "cursors": dict(health.read_to()),
        "lag": {lag.stream: {"waiting": lag.waiting, "pending": lag.pending} for lag in await health.lag()},
        "facts": dict(health.facts),
    }
