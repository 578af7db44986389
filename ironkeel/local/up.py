"""`ironkeel up`: everything on this machine, from nothing to trading, until it is told to stop."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from ironkeel.local import supervisor
from ironkeel.local.home import Home, RunningSystem, open_home, sole_owner
from ironkeel.local.preflight import check_market, check_ports
from ironkeel.local.programs import LOCKSTEP, programs
from ironkeel.local.redis_server import command_line, url_for
from ironkeel.local.running import System
from ironkeel.local.screen import Screen
from ironkeel.local.world import archive, claim, is_resumed, world_of
from libs.common.clock import Clock
from libs.common.settings import Settings
from libs.common.settings.sections import Venue


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asked beside settings."""

    flags: Mapping[str, str] = field(default_factory=dict)
    scale: Mapping[str, int] = field(default_factory=dict)
    for_s: float | None = None  # wall seconds from readiness
    fresh: bool = False


async def up(settings: Settings, wishes: Wishes, *, clock: Clock, screen: Screen) -> None:
    """Start, wait for readiness, let the market go, watch; stop in order at a signal or when the time is over.

    Raises Misconfigured for what the user must change, before anything is started where that can be known.
    """
    check_market(settings)
    home = open_home(settings.service.home)
    home.make()
    with contextlib.ExitStack() as held:
        held.enter_context(sole_owner(home))
        await end_leftovers(home, clock, screen)
        if wishes.fresh and (old := archive(home)):
            screen.say(f"the former home is now {old}")
            home.make()
            held.enter_context(sole_owner(home))
        world = world_of(settings)
        if is_resumed(home, world):
            screen.say(f"resuming {world}")
        system = prepared(home, settings, wishes, clock, screen)
        claim(home, world)
        await system.run(wishes.for_s)


def prepared(home: Home, settings: Settings, wishes: Wishes, clock: Clock, screen: Screen) -> System:
    """The system with its programs, checked against what already runs here, and written down for other commands."""
    given = settings.redis.url.get_secret_value()
    command = None if given else command_line(home.path)
    url = given or url_for(home.path)
    redis = settings.redis.model_copy(update={"url": SecretStr(url)})
    settings = settings.model_copy(update={"redis": redis})
    started = programs(settings, scale=wishes.scale, redis_command=command)
    check_ports(settings, [program.name for program in started])
    flags = {**wishes.flags, "ports.base": str(settings.ports.base), "service.home": str(home.path)}
    home.remember(RunningSystem(tuple(p.name for p in started), flags, "" if given else url))
    return System(home, settings, started, clock, screen)


async def end_leftovers(home: Home, clock: Clock, screen: Screen) -> None:
    """Stop what an `ironkeel up` that was killed has left running in this home."""
    if pid := supervisor.pid_of(home):
        screen.say("stopping the system that a killed `ironkeel up` left behind")
        await supervisor.stop(home, pid, clock)
    for name in await supervisor.stop_survivors(home, clock):
        screen.say(f"stopped {name}, left behind by a killed supervisor")


def up_flags(settings: Settings) -> Mapping[str, str]:
    """What `up` adds to the settings: a paper market waits for readiness, and lockstep has rules of its own."""
    if settings.exchange.venue is not Venue.PAPER:
        return {}
    return {"paper.paused": "true", **(LOCKSTEP if settings.paper.speed == "max" else {})}
