"""`ironkeel data list`: which candles there are."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ironkeel.cli.command import HomeOption, JsonOption, console, print_json, target
from libs.common.clock import iso
from libs.common.errors import Misconfigured
from libs.common.units import Instant

data = typer.Typer(name="data", help="Candles for training and replay.")


@data.callback()
def about() -> None:
    """Candles for training and replay."""


@data.command(name="list")
def list_(
    folder: Annotated[Path | None, typer.Argument(help="A panel; default: every one in the home.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List candle files with their first and last candle."""
    if folder is not None and not folder.is_dir():
        raise Misconfigured(f"{folder}: no such folder")
    panels = [folder] if folder else sorted((target(home).home.path / "candles").glob("*/"))
    rows = [about_file(path) for panel in panels for path in sorted(panel.glob("*-*.parquet"))]
    if json:
        print_json({"items": rows, "next": None})
        return
    table = Table("panel", "symbol", "timeframe", "candles", "first", "last", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console().print(table if rows else "no candles", markup=False)


def about_file(path: Path) -> dict[str, str | int]:
    """Panel, symbol, timeframe, number of rows, first and last time, from the file's footer alone."""
    import pyarrow.parquet as pq  # half a second that no other command should pay

    symbol, _, timeframe = path.stem.rpartition("-")
    footer = pq.ParquetFile(path).metadata
    found = [footer.row_group(n).column(0).statistics for n in range(footer.num_row_groups)]
    known: list[Any] = [group for group in found if group is not None and group.has_min_max]
    first = iso(Instant(min(int(group.min) for group in known))) if known else ""
    last = iso(Instant(max(int(group.max) for group in known))) if known else ""
    return {
        "panel": path.parent.name,
        "symbol": symbol,
        "timeframe": timeframe,
        "candles": int(footer.num_rows),
        "first": first,
        "last": last,
    }
