"""Waiting for what a benchmark needs, with an end to it."""

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Final

from bench.rig.process import Served

SETTLES_S: Final = 60.0


async def read(hand: Served, path: str) -> str:
    """What a process says of itself over HTTP."""

    def get() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{hand.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(get)


async def is_ready(hand: Served) -> bool:
    try:
        await read(hand, "/health/ready")
    except urllib.error.HTTPError:
        return False
    return True


async def until(
    answer: Callable[[], Awaitable[bool]], what: str, *, every_s: float = 0.1, within_s: float = SETTLES_S
) -> None:
    """Return when `answer` says so; raises RuntimeError naming what did not come."""
    deadline = time.monotonic() + within_s
    while not await answer():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {within_s:.0f} s: {what}")
        await asyncio.sleep(every_s)
