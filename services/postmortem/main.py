"""Postmortem: explain every losing trade exactly once, whoever was down when it closed."""

import asyncio
from contextlib import AsyncExitStack

from libs.common.clock import SystemClock
from libs.common.health import Health
from libs.common.logs import configure_logs
from libs.common.process import run
from libs.common.service import serve
from services.postmortem.adapters.world import open_world
from services.postmortem.service import Postmortem
from services.postmortem.settings import PostmortemSettings


async def main() -> None:
    settings = PostmortemSettings.load()
    configure_logs("postmortem", settings.service)
    clock, desk, health = SystemClock(), Postmortem(), Health("postmortem", settings.instance)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as work:
        world = await open_world(stack, settings, desk=desk, health=health, clock=clock)
        health.done_with("starting")
        work.create_task(world.backfill.run())
        work.create_task(serve(desk, bus=world.bus, clock=clock, keep=world.filing.keep, health=health))


if __name__ == "__main__":
    run(main, service="postmortem")
