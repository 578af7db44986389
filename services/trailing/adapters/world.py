"""What the service stands on: the bus, the leases and its own HTTP server."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from libs.common.bus import Bus
from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import Clock
from libs.common.health import Health, health_app
from libs.common.http import serve_http
from libs.common.locks.redis_locks import RedisLeases
from libs.common.settings.sections import PORT_OFFSETS
from services.trailing.adapters.shares import Shareholder, Shares
from services.trailing.settings import TrailingSettings


@dataclass(frozen=True, slots=True)
class World:
    bus: Bus
    shares: Shares


async def open_world(
    stack: AsyncExitStack, settings: TrailingSettings, *, holder: Shareholder, health: Health, clock: Clock
) -> World:
    """Open everything on `stack`, which closes it in reverse. Raises Misconfigured.

    Cursors are not kept: what is open is learnt anew at every start, from what the streams still tell.
    """
    url, prefix, name = settings.redis.url.get_secret_value(), settings.redis.prefix, settings.instance
    bus = await stack.enter_async_context(
        RedisBus.connect(url, prefix=prefix, service="trailing", instance=name, cursors=None, clock=clock)
    )
    leases = await stack.enter_async_context(
        RedisLeases.connect(url, prefix=prefix, service="trailing", instance=name, clock=clock)
    )
    port = settings.ports.base + PORT_OFFSETS["trailing"]
    app = health_app(health)
    await stack.enter_async_context(
        serve_http(app, host=settings.api.host, port=port, name=name, home=settings.service.home, clock=clock)
    )
    return World(bus, Shares(leases, holder, clock=clock))
