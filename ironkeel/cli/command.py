"""What every command shares: the home it speaks about, how it prints, and what its exit code means."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar

import orjson
import typer
from rich.console import Console
from typer.core import TyperGroup

from ironkeel.local.home import Home, open_home
from ironkeel.local.rest import Json, Rest
from libs.common.errors import Misconfigured, TradingError
from libs.common.settings import Settings, load

SAID_NO: Final = 1
WRONG_USAGE: Final = 2

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the system; default IRONKEEL_HOME, else data/.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

T = TypeVar("T")


class ToolGroup(TyperGroup):
    """Turns what the system says into exit codes: wrong usage 2, a refusal 1, always with one clear message."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Misconfigured as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(WRONG_USAGE) from error
        except (TradingError, OSError) as error:  # OSError: a disk that is full, a file that is somebody else's
            typer.echo(str(error), err=True)
            raise typer.Exit(SAID_NO) from error


@dataclass(frozen=True, slots=True)
class Target:
    """The system that a command is about."""

    home: Home
    settings: Settings

    def rest(self, *, timeout: float = 10) -> Rest:
        return Rest(self.home, self.settings, timeout=timeout)


def target(home: Path | None, flags: Mapping[str, str] | None = None) -> Target:
    """The system in `home`, with the settings that it was started with; raises Misconfigured."""
    place = {"service.home": str(home)} if home else {}
    at = open_home(load(place).service.home)
    running = at.running()
    started_with = dict(running.flags) if running else {}
    return Target(at, load({**started_with, "service.home": str(at.path), **(flags or {})}))


def ask(target: Target, question: Callable[[Rest], Awaitable[T]], *, timeout: float = 10) -> T:
    """Run one conversation with the system's REST interfaces."""

    async def conversation() -> T:
        async with target.rest(timeout=timeout) as rest:
            return await question(rest)

    return asyncio.run(conversation())


def print_json(told: object) -> None:
    sys.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2, default=str).decode() + "\n")


def console() -> Console:
    """Wide enough off a terminal that a table is not cut."""
    screen = Console()
    return screen if screen.is_terminal else Console(width=200)


def say(line: str) -> None:
    typer.echo(line)


def refuse(line: str) -> NoReturn:
    """The system said no."""
    typer.echo(line, err=True)
    raise typer.Exit(SAID_NO)


def demand(told: Json | None, who: str) -> Json:
    """What `who` answered; it said no when it did not."""
    if told is None:
        refuse(f"{who} does not answer: is the system up? (`ironkeel status`)")
    return told
