"""How every process of the system is: asked all at once, answered within two seconds whatever is down."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis import RedisError
from redis.asyncio import Redis

from ironkeel.local.home import Home, Instance
from ironkeel.local.programs import PAPER_EXCHANGE, REDIS, SERVICES
from ironkeel.local.rest import LOOK_TIMEOUT_S, Json, Rest
from ironkeel.local.supervisor import ProgramState, states
from libs.common.settings import Settings
from libs.common.settings.sections import Venue


@dataclass(frozen=True, slots=True)
class ProcessView:
    """One process as the operator sees it; `lag` counts messages not yet handled, None when nobody says."""

    name: str
    pid: int | None
    port: int | None
    ready: bool
    why: str | None
    lag: int | None
    progress: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SystemView:
    phase: str | None
    entries: str | None
    clock: Json | None
    services: tuple[ProcessView, ...]
    status: Json | None  # the executor's whole status
    decisions: Json | None = None  # the predictor's newest verdicts

    @property
    def ready(self) -> bool:
        return all(service.ready for service in self.services)

    def named(self, name: str) -> ProcessView | None:
        return next((service for service in self.services if service.name == name), None)


async def look(home: Home, settings: Settings, rest: Rest) -> SystemView:
    """Ask everybody at once; what does not answer is shown as down, with what supervisord says of it."""
    supervised = await asyncio.to_thread(states, home)
    instances = {instance.name: instance for instance in home.instances()}
    names = expected_names(home, settings)
    (status, decisions, clock), redis, views = await asyncio.gather(
        asyncio.gather(
            rest.get("executor", "/v1/status"),
            rest.get("predictor", "/v1/decisions"),
            rest.get(PAPER_EXCHANGE, "/paper/v1/clock"),
        ),
        _redis(home, settings, supervised.get(REDIS)),
        asyncio.gather(
            *(_process(rest, name, supervised.get(name), instances.get(name)) for name in names if name != REDIS)
        ),
    )
    told = status or {}
    entries = told.get("entries")
    return SystemView(
        phase=told.get("phase"),
        entries=entries.get("state") if isinstance(entries, dict) else entries,
        clock=clock,
        services=(redis, *views),
        status=told if "phase" in told else None,
        decisions=decisions,
    )


def expected_names(home: Home, settings: Settings) -> Sequence[str]:
    """Every process of the system as it was started last; before any start, one of each."""
    running = home.running()
    if running:
        return running.programs
    paper = (PAPER_EXCHANGE,) if settings.exchange.venue is Venue.PAPER else ()
    return (REDIS, *paper, *SERVICES)


async def _process(rest: Rest, name: str, supervised: ProgramState | None, instance: Instance | None) -> ProcessView:
    pid = supervised.pid if supervised else instance.pid if instance else None
    if instance is None or (pid is not None and instance.pid != pid):
        return ProcessView(name, pid, None, False, _excuse(supervised), None, {})
    ready, progress = await asyncio.gather(rest.get(name, "/health/ready"), rest.get(name, "/health/progress"))
    if ready is None:
        return ProcessView(name, pid, instance.port, False, "does not answer", None, {})
    why = "; ".join(f"{reason} {how}".strip() for reason, how in (ready.get("why") or {}).items())
    return ProcessView(name, pid, instance.port, bool(ready.get("ready")), why or None, _lag(progress), progress or {})


def _excuse(supervised: ProgramState | None) -> str:
    if supervised is None:
        return "down"
    return "starting" if supervised.pid else f"down ({supervised.state.lower()})"


def _lag(progress: Json | None) -> int | None:
    if not progress or not isinstance(progress.get("lag"), dict):
        return None
    return sum(int(each.get("waiting") or 0) + int(each.get("pending") or 0) for each in progress["lag"].values())


def redis_url(home: Home, settings: Settings) -> str:
    """The user's own server, else the embedded one of the running system; "" when there is none."""
    given = settings.redis.url.get_secret_value()
    running = home.running()
    return given or (running.redis_url if running else "")


async def _redis(home: Home, settings: Settings, supervised: ProgramState | None) -> ProcessView:
    url = redis_url(home, settings)
    pid = supervised.pid if supervised else None
    if not url:
        return ProcessView(REDIS, pid, None, False, _excuse(supervised), None, {})
    client = Redis.from_url(url, socket_timeout=LOOK_TIMEOUT_S, socket_connect_timeout=LOOK_TIMEOUT_S)
    try:
        about = await client.info("server")
        return ProcessView(REDIS, pid or int(about["process_id"]), int(about["tcp_port"]) or None, True, None, None, {})
    except (RedisError, OSError) as error:
        return ProcessView(REDIS, pid, None, False, f"does not answer: {error}" if pid else "down", None, {})
    finally:
        await client.aclose()
