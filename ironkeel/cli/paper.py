"""`ironkeel paper`: the paper exchange by itself, and a verdict on its books."""

import os
import sys
from typing import Annotated, NoReturn

import typer

from ironkeel.cli.command import HomeOption
from ironkeel.cli.up import absolute
from ironkeel.local.home import open_home
from ironkeel.local.preflight import check_market, check_ports
from ironkeel.local.programs import PAPER_EXCHANGE, environment
from libs.common.settings import PREFIX, load

paper = typer.Typer(name="paper", help="The paper exchange.")


@paper.callback()
def about() -> None:
    """The paper exchange."""


@paper.command()
def serve(
    market: Annotated[str | None, typer.Option(help="synthetic, or replay:<folder of candles>.")] = None,
    speed: Annotated[str | None, typer.Option(help="Market seconds per second.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="First market moment, ISO date.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last market moment, ISO date.")] = None,
    symbols: Annotated[str | None, typer.Option(help="BTCUSDT,ETHUSDT or top:N by turnover.")] = None,
    seed: Annotated[str | None, typer.Option(help="Seed of the market and of the exchange.")] = None,
    balance: Annotated[str | None, typer.Option(help="USDT in a new paper wallet.")] = None,
    home: HomeOption = None,
) -> NoReturn:
    """Serve the exchange alone, in the foreground, until Ctrl-C."""
    given = {
        "paper.market": market,
        "paper.speed": speed,
        "paper.from": since,
        "paper.to": until,
        "market.symbols": symbols,
        "paper.seed": seed,
        "paper.balance": balance,
        "service.home": str(home) if home else None,
    }
    flags = {key: value for key, value in given.items() if value is not None}
    settings = load(flags | absolute(load(flags)))
    check_market(settings)
    check_ports(settings, [PAPER_EXCHANGE])
    open_home(settings.service.home).make()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    command = [sys.executable, "-m", "services.paper_exchange.main"]
    os.execve(sys.executable, command, {**inherited, **environment(settings, PAPER_EXCHANGE, PAPER_EXCHANGE)})  # noqa: S606
