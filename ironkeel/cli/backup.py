"""`ironkeel backup`: what was open and what it had earned, as last written to disk; also when nothing runs."""

from typing import Annotated

import typer
from rich.table import Table

from ironkeel.cli.command import HomeOption, JsonOption, console, print_json, say, target
from ironkeel.local.backups import read_snapshot, snapshots
from ironkeel.local.screen import positions_table
from libs.common.clock import iso

backup = typer.Typer(name="backup", help="Snapshots of positions and session, kept for 14 days.")


@backup.command(name="list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the snapshots, newest first."""
    found = snapshots(target(home).home)
    if json:
        print_json({"items": [{"name": one.name, "taken_at": one.at, "state": one.state} for one in found]})
        return
    if not found:
        say("no snapshot yet")
        return
    table = Table("when", "name", box=None, pad_edge=False)
    for one in found:
        table.add_row(iso(one.at), one.name)
    console().print(table, markup=False)


@backup.command()
def show(
    name: Annotated[str | None, typer.Argument(help="As listed, or its beginning; the newest without one.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show positions and session of one snapshot."""
    told = read_snapshot(target(home).home, name)
    if json:
        print_json(told)
        return
    say(f"{told['name']}: {told.get('phase')}, taken {told.get('taken')} by {told.get('instance')}")
    console().print(positions_table(told["positions"]) if told["positions"] else "no open position")
    for key, value in told["session"].items():
        say(f"{key}: {value}")
