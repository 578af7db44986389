"""`ironkeel paper`: the paper exchange by itself, and a verdict on its books."""

import os
import sys
from typing import Annotated, NoReturn

import typer

from ironkeel.cli.command import SAID_NO, HomeOption, JsonOption, ask, print_json, say, target
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
from ironkeel.local.audits import TIMEOUT_S, verdict_on, verdict_on_system
from ironkeel.local.books import read_books
from ironkeel.local.home import open_home
from ironkeel.local.preflight import check_market, check_ports
from ironkeel.local.programs import PAPER_EXCHANGE, environment
from libs.common.settings import PREFIX, load
from services.paper_exchange.core.judging.verdict import Verdict

paper = typer.Typer(name="paper", help="The paper exchange.")


@paper.callback()
def about() -> None:
    """The paper exchange."""


@paper.command()
def serve(
    market: MarketOption = None,
    speed: Annotated[str | None, typer.Option(help="Market seconds per second.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    symbols: SymbolsOption = None,
    seed: SeedOption = None,
    balance: BalanceOption = None,
    home: HomeOption = None,
) -> NoReturn:
    """Serve the exchange alone, in the foreground, until Ctrl-C."""
    options = {
        "paper.market": market,
        "paper.speed": speed,
        "paper.from": since,
        "paper.to": until,
        "market.symbols": symbols,
        "paper.seed": seed,
        "paper.balance": balance,
        "service.home": home,
    }
    flags = chosen(options)
    settings = load(flags | absolute(load(flags)))
    check_market(settings)
    check_ports(settings, [PAPER_EXCHANGE])
    open_home(settings.service.home).make()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    command = [sys.executable, "-m", "services.paper_exchange.main"]
    os.execve(sys.executable, command, {**inherited, **environment(settings, PAPER_EXCHANGE, PAPER_EXCHANGE)})  # noqa: S606


@paper.command()
def audit(
    source: Annotated[
        str | None, typer.Argument(help="A saved audit, or an exchange's URL; by default the running system.")
    ] = None,
    partial: Annotated[bool, typer.Option(help="Judge the books alone, without ledger and reports.")] = False,
    books: Annotated[bool, typer.Option(help="Print the books instead, as two runs in lockstep share them.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Judge the books: one line a rule; exit 1 when any is broken."""
    asked = target(home)
    if books:
        sys.stdout.buffer.write(ask(asked, read_books, timeout=TIMEOUT_S).document)
        return
    most = asked.settings.risk.max_positions
    if source is None:
        verdict = ask(asked, lambda rest: verdict_on_system(rest, most, partial=partial), timeout=TIMEOUT_S)
    else:
        verdict = verdict_on(source, most)
    _tell(verdict, json=json)
    if not verdict.holds:
        raise typer.Exit(SAID_NO)


def _tell(verdict: Verdict, *, json: bool) -> None:
    if json:
        rules = [{"name": r.name, "looked_at": r.looked_at, "violations": r.violations} for r in verdict.rules]
        print_json({"holds": verdict.holds, "rules": rules})
        return
    for line in verdict.lines:
        say(line)
    say("everything holds" if verdict.holds else f"{len(verdict.violations)} violations")
