"""`ironkeel up`: start everything on this machine and watch it."""

import asyncio
import re
from decimal import Decimal
from typing import Annotated, Final

import typer
from rich.console import Console

from ironkeel.cli.command import HomeOption
from ironkeel.cli.market_options import (
    BalanceOption,
    MarketOption,
    SeedOption,
    SinceOption,
    SymbolsOption,
    UntilOption,
    absolute,
    chosen,
)
from ironkeel.local.preflight import parse_scale
from ironkeel.local.screen import LiveScreen, PlainScreen, Screen
from ironkeel.local.up import Wishes, up_flags
from ironkeel.local.up import up as run
from libs.common.clock import SystemClock
from libs.common.errors import Misconfigured
from libs.common.settings import Settings, load
from libs.common.settings.sections import Venue

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_SECONDS: Final = {"ms": Decimal("0.001"), None: Decimal(1), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}


def up(
    market: MarketOption = None,
    speed: Annotated[str | None, typer.Option(help="Market seconds per second, or max (lockstep).")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    symbols: SymbolsOption = None,
    policy: Annotated[str | None, typer.Option(help="model, or random:<seed> for a demonstration.")] = None,
    scale: Annotated[list[str] | None, typer.Option(help="Replicas, such as fetcher=3; may be repeated.")] = None,
    for_: Annotated[str | None, typer.Option("--for", help="Stop this long after readiness, such as 120s.")] = None,
    fresh: Annotated[bool, typer.Option(help="Archive what the home holds and begin a new world.")] = False,
    seed: SeedOption = None,
    balance: BalanceOption = None,
    ports_base: Annotated[str | None, typer.Option(help="First port; shifts all of them.")] = None,
    home: HomeOption = None,
) -> None:
    """Start Redis, the paper exchange and all services here; Ctrl-C stops them in order."""
    options = {
        "paper.market": market,
        "paper.speed": speed,
        "paper.from": since,
        "paper.to": until,
        "market.symbols": symbols,
        "predictor.policy": policy,
        "paper.seed": seed,
        "paper.balance": balance,
        "ports.base": ports_base,
        "service.home": home,
    }
    flags = chosen(options)
    settings = load(flags)
    flags |= absolute(settings) | dict(up_flags(settings))
    settings = load(flags)
    wishes = Wishes(flags, parse_scale(scale or []), seconds(for_) if for_ else None, fresh)
    screen = _screen(settings)
    try:
        asyncio.run(run(settings, wishes, clock=SystemClock(), screen=screen))
    finally:
        screen.close()


def seconds(text: str) -> float:
    """`90`, `90s`, `2m`, `1h` in seconds; raises Misconfigured."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise Misconfigured(f"--for {text}: must be a duration such as 120s, 5m or 1h")
    return float(Decimal(found.group(1)) * _SECONDS[found.group(2)])


def title(settings: Settings) -> str:
    """What is running, and what about it is not real."""
    marks = []
    if settings.predictor.policy != "model":
        marks.append("DEMONSTRATION: random decisions")
    if settings.exchange.venue is not Venue.PAPER:
        return " · ".join([f"Ironkeel on {settings.exchange.venue.value}", *marks])
    if settings.paper.market == "synthetic":
        marks.append("SYNTHETIC MARKET: not real data")
    speed = "lockstep" if settings.paper.speed == "max" else f"×{settings.paper.speed}"
    return " · ".join([f"Ironkeel on the paper exchange, {settings.paper.market}, {speed}", *marks])


def _screen(settings: Settings) -> Screen:
    console = Console()
    if console.is_terminal:
        return LiveScreen(console, title(settings))
    plain = PlainScreen(console)
    plain.say(title(settings))
    return plain
