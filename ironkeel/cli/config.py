"""`ironkeel config`: the configuration in force, and where each value came from."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ironkeel.cli.command import HomeOption, JsonOption, console, print_json, say, target
from libs.common.settings import layers
from libs.common.settings.effective import config_hash, effective
from libs.common.settings.table import with_current_table


def config(
    write_table: Annotated[
        Path | None, typer.Option(help="Write the table of settings into this Markdown file, between its marks.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show every setting with its value (secrets masked), its origin and its meaning."""
    if write_table is not None:
        write_table.write_text(with_current_table(write_table.read_text("utf-8")), "utf-8")
        return
    asked = target(home)
    running = asked.home.running()
    rows = effective(asked.settings, layers(running.flags if running else {}))
    if json:
        print_json(
            {
                "hash": config_hash(asked.settings),
                "settings": {row.key: {"value": row.value, "origin": row.origin} for row in rows},
            }
        )
        return
    table = Table("key", "value", "from", "meaning", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row.key, row.value, row.origin, row.meaning)
    console().print(table, markup=False)
    say(f"hash {config_hash(asked.settings)}")
