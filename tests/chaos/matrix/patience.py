"""Waiting for what others do, and never for ever."""

import asyncio
from collections.abc import Callable
from typing import Final

LOOK_S: Final = 0.1


async def until(answer: Callable[[], bool], *, within_s: float = float("inf"), look_s: float = LOOK_S) -> bool:
    """Look again and again until `answer` is true; False when it stays false for so long."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while loop.time() < deadline:
        if answer():
            return True
        await asyncio.sleep(look_s)
    return answer()
