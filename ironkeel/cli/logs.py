"""`ironkeel logs NAME`: a process's own words."""

import asyncio
from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from ironkeel.cli.command import HomeOption, say, target
from libs.common.clock import Clock, SystemClock
from libs.common.errors import Misconfigured


def logs(
    name: Annotated[str, typer.Argument(help="executor, fetcher-2, redis, supervisord …")],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as lines are written.")] = False,
    lines: Annotated[int, typer.Option("-n", min=0, max=100_000, help="How many lines of the past.")] = 50,
    home: HomeOption = None,
) -> None:
    """Print the newest lines of one process's log."""
    folder = target(home).home.logs
    path = folder / f"{name}.log"
    known = sorted(each.stem for each in folder.glob("*.log"))
    if name not in known:
        raise Misconfigured(f"no log of {name!r} in {folder}; there are {', '.join(known) or 'none'}")
    with path.open(encoding="utf-8", errors="replace") as log:
        for line in deque(log, maxlen=lines):
            say(line.rstrip("\n"))
        at = log.tell()
    if follow:
        asyncio.run(follow_file(path, at, SystemClock()))


async def follow_file(path: Path, at: int, clock: Clock) -> None:
    """Print what is appended, for ever."""
    while True:
        text, at = appended(path, at)
        typer.echo(text, nl=False)
        await clock.sleep(0.3)


def appended(path: Path, at: int) -> tuple[str, int]:
    """What stands after `at`, and where the next look begins; from the top when the file was rotated."""
    size = path.stat().st_size if path.exists() else 0
    if size == at or not path.exists():
        return "", size
    with path.open(encoding="utf-8", errors="replace") as log:
        log.seek(at if size > at else 0)
        return log.read(), log.tell()
