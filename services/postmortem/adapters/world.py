"""What the service stands on: its stores, the bus, the executor's REST and its own HTTP server."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from libs.common.bus import Bus
from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import Clock
from libs.common.health import Health, health_routes
from libs.common.http import serve_http
from libs.common.problems import answer_with_problems
from libs.common.settings.sections import PORT_OFFSETS
from services.postmortem.adapters.api import routes
from services.postmortem.adapters.archive import Archive
from services.postmortem.adapters.backfill import Backfill, ExecutorBooks, HomeToken
from services.postmortem.adapters.filing import Desk, Filing
from services.postmortem.adapters.index import open_index
from services.postmortem.settings import PostmortemSettings


@dataclass(frozen=True, slots=True)
class World:
    bus: Bus
    filing: Filing
    backfill: Backfill


async def open_world(
    stack: AsyncExitStack, settings: PostmortemSettings, *, desk: Desk, health: Health, clock: Clock
) -> World:
    """Open everything on `stack`, which closes it in reverse. Raises Misconfigured."""
    home = settings.service.home
    archive = Archive(home / "postmortems")
    index = open_index(archive)
    stack.callback(index.close)
    bus = await stack.enter_async_context(
        RedisBus.connect(
            settings.redis.url.get_secret_value(),
            prefix=settings.redis.prefix,
            service="postmortem",
            instance=settings.instance,
            cursors=home / "cursors",
            clock=clock,
        )
    )
    # the executor is ours and near: no proxy of the environment lies between
    token = HomeToken(settings.api.token.get_secret_value(), home / "api.token")
    client = httpx.AsyncClient(base_url=settings.executor_url, auth=token, trust_env=False)
    executor = await stack.enter_async_context(client)
    app = FastAPI(title="Ironkeel postmortem", summary="Reports of losing trades")
    answer_with_problems(app)
    app.include_router(health_routes(health))
    app.include_router(routes(archive, index))
    port = settings.ports.base + PORT_OFFSETS["postmortem"]
    await stack.enter_async_context(
        serve_http(app, host=settings.api.host, port=port, name=settings.instance, home=home, clock=clock)
    )
    backfill = Backfill(ExecutorBooks(executor), archive, index, bus, clock, settings.postmortem.backfill_s)
    return World(bus, Filing(archive, index, desk, clock=clock), backfill)
