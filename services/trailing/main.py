"""Trailing: follow the market with a stop, and never give ground back."""

import asyncio
from contextlib import AsyncExitStack

from libs.common.clock import SystemClock
from libs.common.health import Health
from libs.common.logs import configure_logs
from libs.common.process import run
from libs.common.service import serve
from services.trailing.adapters.world import open_world
from services.trailing.service import Trailing
from services.trailing.settings import TrailingSettings


async def main() -> None:
    settings = TrailingSettings.load()
    configure_logs("trailing", settings.service)
    clock, health = SystemClock(), Health("trailing", settings.instance)
    trailing = Trailing(settings.rules, health=health)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as work:
        world = await open_world(stack, settings, holder=trailing, health=health, clock=clock)
        work.create_task(world.shares.renew())
        work.create_task(serve(trailing, bus=world.bus, clock=clock, keep=world.shares.keep, health=health))


if __name__ == "__main__":
    run(main, service="trailing")
