"""`ironkeel data`: which candles there are, whether they are whole, and how more of them come in."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ironkeel.cli.command import HomeOption, JsonOption, Target, console, print_json, say, target
from ironkeel.cli.progress import telling
from libs.common.clock import SystemClock, iso, parse_iso
from libs.common.errors import Misconfigured
from libs.common.exchange.endpoints import endpoint
from libs.common.units import Instant, Timeframe

if TYPE_CHECKING:  # pandas and ccxt take a second each, which no other command should pay
    from ironkeel.candles.downloaded import Page
    from libs.common.budget import Budget
    from libs.common.exchange.ccxt_feed import CcxtFeed

PanelOption = Annotated[str, typer.Option("--panel", help="Folder below candles/ in the home.")]

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
    """List series with their first and last candle, how many are missing between, and their size on the disk."""
    from ironkeel.candles.listed import listed

    rows = [row for panel in _panels(folder, home) for row in listed(panel)]
    if json:
        print_json({"items": [row.as_json for row in rows], "next": None})
    elif not rows:
        say("no candles")
    else:
        table = Table("panel", "symbol", "timeframe", "candles", "first", "last", "missing", "bytes", "", box=None)
        for row in rows:
            table.add_row(*(str(value) for value in row.as_json.values()))
        console().print(table, markup=False)
        missing, size = sum(row.missing for row in rows), sum(row.bytes for row in rows)
        say(f"{len(rows)} series, {sum(row.candles for row in rows)} rows, {missing} missing, {size / 1e6:.1f} MB")
    if any(row.fault for row in rows):
        raise typer.Exit(1)


@data.command()
def verify(
    folder: Annotated[Path | None, typer.Argument(help="A panel; default: every one in the home.")] = None,
    holes: Annotated[bool, typer.Option("--allow-holes", help="Count missing candles, and do not fail.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Read every row: layout, order, holes, candles that cannot be. Exit code 1 when something is wrong."""
    from ironkeel.candles.checked import check_panel

    found = [each for panel in _panels(folder, home) for each in check_panel(panel)]
    wrong = [each for each in found if each.faults or (each.holes and not holes)]
    if json:
        print_json({"items": [each.as_json for each in found], "next": None})
    else:
        for each in found:
            if each.faults or each.holes:
                say(f"{each.file}: {each.rows} rows")
            for fault in (*each.faults, *each.holes):
                say(f"  {fault}")
        say(f"{len(found)} files, {sum(each.rows for each in found)} rows: {len(wrong)} with faults")
    if wrong:
        raise typer.Exit(1)


@data.command(name="import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="CSV, freqtrade's feather or JSON, or Parquet.")],
    panel: PanelOption = "imported",
    symbol: Annotated[str | None, typer.Option(help="What a file holds whose name does not say.")] = None,
    timeframe: Annotated[str | None, typer.Option(help="1m, 5m, 15m, 30m, 1h or funding.")] = None,
    home: HomeOption = None,
) -> None:
    """Merge candles or funding of others into a panel; a row of theirs counts where both have one."""
    from ironkeel.candles.imported import read_series
    from libs.common.candle_panel import merge, panel_file, writing

    folder = _panel(home, panel)
    for path in files:
        series = read_series(path, symbol=symbol, timeframe=timeframe)
        with writing(folder):
            added = merge(panel_file(folder, series.symbol, series.kind), series.rows)
        say(f"{path}: {len(series.rows)} rows of {series.symbol} {series.kind}, {added} of them new")


@data.command()
def download(
    symbols: Annotated[str, typer.Option(help="BTCUSDT,ETHUSDT or top:N by turnover.")],
    since: Annotated[str, typer.Option("--from", help="ISO date or time, UTC.")],
    until: Annotated[str | None, typer.Option("--to", help="ISO date or time; default: the venue's now.")] = None,
    timeframes: Annotated[str, typer.Option(help="Of 1m, 5m, 15m, 30m, 1h.")] = "15m,30m,1h",
    funding: Annotated[bool, typer.Option("--funding", help="Settled funding rates too.")] = False,
    panel: PanelOption = "downloaded",
    home: HomeOption = None,
) -> None:
    """Fetch what a panel does not have yet; stopped, it goes on where it stood."""
    from ironkeel.candles.downloaded import download as fetch

    asked, folder, frames = target(home), _panel(home, panel), _timeframes(timeframes)
    begin, end = _instant("--from", since), None if until is None else _instant("--to", until)

    async def run() -> None:
        clock = SystemClock()
        async with _venue(asked, clock) as feed:
            pages = await _pages(feed, folder, _wish(symbols), frames, begin, end, funding=funding)
            with telling("pages", len(pages), clock) as tell:
                done = await fetch(feed, folder, pages, clock, lambda progress: tell(progress.done))
        nothing = f"; the venue has nothing for {len(done.empty)} of the pages" if done.empty else ""
        say(f"{folder}: {done.rows} new rows in {done.pages} pages{nothing}")

    asyncio.run(run())


@asynccontextmanager
async def _venue(asked: Target, clock: SystemClock) -> "AsyncIterator[CcxtFeed]":
    """The venue, asked within the budget of the running system where there is one."""
    from libs.common.budget.local import LocalBudget
    from libs.common.budget.redis_budget import RedisBudget
    from libs.common.exchange.ccxt_feed import CcxtFeed

    dice = Random(0)  # noqa: S311 spreads waits, guards nothing
    running = asked.home.running() if asked.home.instances() else None  # a stopped one is remembered too
    async with AsyncExitStack() as stack:
        budget: Budget = LocalBudget(clock, dice)
        if running is not None:
            url, prefix = running.redis_url, asked.settings.redis.prefix
            budget = await stack.enter_async_context(RedisBudget.connect(url, prefix=prefix, clock=clock, dice=dice))
        feed = CcxtFeed(endpoint(asked.settings.exchange, asked.settings.ports), clock, dice, budget)
        stack.push_async_callback(feed.close)
        yield feed


async def _pages(
    feed: "CcxtFeed",
    folder: Path,
    wish: Sequence[str] | str,
    timeframes: Sequence[Timeframe],
    begin: Instant,
    end: Instant | None,
    *,
    funding: bool,
) -> "list[Page]":
    """What is missing of what is wished for; nothing lies before a symbol's launch."""
    from ironkeel.candles.downloaded import missing_candles, missing_funding
    from services.fetcher.core.shares import universe

    listed = await feed.instruments()
    symbols = universe(wish, listed, await feed.tickers())
    launched = {each.symbol: each.launched for each in listed}
    if not symbols:
        raise Misconfigured(f"--symbols {wish if isinstance(wish, str) else ','.join(wish)}: names no symbol")
    now = await feed.market_now(symbols[0])
    until = now if end is None else min(end, now)  # a candle that still forms would be taken for a closed one
    if begin >= until:
        raise Misconfigured(f"--from {iso(begin)}: must be before {iso(until)}")
    pages: list[Page] = []
    for symbol in symbols:
        first = max(begin, launched[symbol])
        for timeframe in timeframes:
            pages += missing_candles(folder, symbol, timeframe, first, until)
        if funding:
            pages += missing_funding(folder, symbol, first, until)
    return pages


def _panels(folder: Path | None, home: Path | None) -> Sequence[Path]:
    """One panel, or every panel of a home."""
    if folder is not None and not folder.is_dir():
        raise Misconfigured(f"{folder}: no such folder")
    return [folder] if folder else sorted((target(home).home.path / "candles").glob("*/"))


def _panel(home: Path | None, name: str) -> Path:
    if not name or name.startswith(".") or "/" in name:
        raise Misconfigured(f"--panel {name}: must be the name of a folder")
    return target(home).home.path / "candles" / name


def _wish(text: str) -> Sequence[str] | str:
    if text.startswith("top:"):
        if not text.removeprefix("top:").isdigit():
            raise Misconfigured(f"--symbols {text}: must be top:N, or symbols separated by commas")
        return text
    return [each.strip() for each in text.split(",") if each.strip()]


def _timeframes(text: str) -> Sequence[Timeframe]:
    try:
        return [Timeframe(each.strip()) for each in text.split(",")]
    except ValueError as error:
        raise Misconfigured(f"--timeframes {text}: each must be one of {', '.join(Timeframe)}") from error


def _instant(name: str, text: str) -> Instant:
    try:
        return parse_iso(text)
    except ValueError as error:
        raise Misconfigured(f"{name} {text}: must be an ISO date such as 2025-09-15") from error
