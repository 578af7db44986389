"""`ironkeel postmortem`: every losing trade, explained."""

import asyncio
from decimal import Decimal
from typing import Annotated, Final

import typer
from rich.table import Table

from ironkeel.cli.command import HomeOption, JsonOption, ask, console, demand, print_json, refuse, say, target
from ironkeel.local.rest import Json, Rest
from libs.common.clock import SystemClock

TAIL_LOOK_S: Final = 1.0

postmortem = typer.Typer(name="postmortem", help="Reports on losing trades.")


@postmortem.command(name="list")
def list_(
    symbol: Annotated[str | None, typer.Option(help="Only this symbol.")] = None,
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    severity: Annotated[str | None, typer.Option(help="Only this severity.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List reports, with what each trade lost and why."""
    wanted = {"symbol": symbol, "category": category, "severity": severity}
    query = {key: value for key, value in wanted.items() if value}
    rows = ask(target(home), lambda rest: rest.items("postmortem", "/v1/postmortems", **query))
    if rows is None:
        refuse("postmortem does not answer: is the system up? (`ironkeel status`)")
    elif json:
        print_json({"items": rows, "next": None})
    else:
        console().print(_table(rows) if rows else "no losing trade yet", markup=False)


@postmortem.command()
def show(
    trade_id: Annotated[str, typer.Argument(help="As listed.")], home: HomeOption = None, json: JsonOption = False
) -> None:
    """Show one report."""
    told = ask(target(home), lambda rest: rest.get("postmortem", f"/v1/postmortems/{trade_id}"))
    if told is None:
        refuse(f"no report on {trade_id!r}, or postmortem does not answer")
    if json:
        print_json(told)
        return
    for key, value in told.items():
        say(f"{key}: {value}")


@postmortem.command()
def tail(home: HomeOption = None) -> None:
    """Print each new report as it is written, until Ctrl-C."""
    asyncio.run(_tail(target(home).rest()))


@postmortem.command()
def stats(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show losses by category and severity."""
    told = demand(ask(target(home), lambda rest: rest.get("postmortem", "/v1/statistics")), "postmortem")
    if json:
        print_json(told)
        return
    for key, value in told.items():
        say(f"{key}: {value}")


async def _tail(rest: Rest) -> None:
    clock = SystemClock()
    seen: set[str] | None = None
    async with rest:
        while True:
            rows = await rest.items("postmortem", "/v1/postmortems") or []
            for row in rows if seen is not None else ():
                if seen is not None and row["trade_id"] not in seen:
                    say(line(row))
            seen = (seen or set()) | {row["trade_id"] for row in rows}
            await clock.sleep(TAIL_LOOK_S)


def line(row: Json) -> str:
    return f"{row['trade_id']} {row['symbol']} {Decimal(row['pnl_usd'])} USDT: {row['category']} ({row['severity']})"


def _table(rows: list[Json]) -> Table:
    table = Table("trade", "symbol", "PnL USDT", "category", "severity", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row["trade_id"], row["symbol"], str(row["pnl_usd"]), row["category"], row["severity"])
    return table
