"""Candles and funding from the venue into a panel: what its files do not have, so that it goes on after any stop.

Pages of all series are asked for side by side, each when the rate budget gives it its turn, and written as they come.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import pyarrow as pa

from libs.common.candle_days import read_series
from libs.common.candle_panel import (
    FUNDING,
    FUNDING_KIND,
    candle_rows,
    merge,
    panel_file,
    rows_of,
    stored,
    times_of,
    writing,
)
from libs.common.clock import Clock
from libs.common.errors import Refused, Transient
from libs.common.exchange.market_types import Candle
from libs.common.retry import backoff
from libs.common.units import HOUR_MS, Fraction, Instant, Symbol, Timeframe

PAGE: Final = 1_000
RATES: Final = 200
RATES_MS: Final = RATES * HOUR_MS  # no venue settles more often
AT_ONCE: Final = 16
TRIES: Final = 8  # of one page
WRITTEN_EVERY: Final = 16  # pages of one series


class Venue(Protocol):
    """What is asked; see MarketFeed and CcxtFeed."""

    async def candles(
        self, symbol: Symbol, timeframe: Timeframe, *, start: Instant | None, limit: int
    ) -> Sequence[Candle]: ...
    async def funding(self, symbol: Symbol, *, start: Instant, end: Instant) -> Sequence[tuple[Instant, Fraction]]: ...


@dataclass(frozen=True, slots=True)
class Page:
    """One question: candles that open in [begin, end), or rates settled there. kind: see candle_panel."""

    symbol: Symbol
    kind: str
    begin: Instant
    end: Instant


@dataclass(slots=True)
class Progress:
    pages: int
    done: int = 0
    rows: int = 0
    empty: list[Page] = field(default_factory=list)  # the venue has nothing there


def missing_candles(folder: Path, symbol: Symbol, timeframe: Timeframe, begin: Instant, end: Instant) -> Iterator[Page]:
    """Yield the pages of candles in [begin, end) that the panel does not have."""
    step = timeframe.ms
    opens = np.arange(-(-begin // step) * step, end - step + 1, step, dtype=np.int64)  # only candles that closed
    stored(panel_file(folder, symbol, timeframe))  # a torn file is fetched anew
    before = read_series(folder, (symbol, timeframe))
    if before is not None:
        opens = np.setdiff1d(opens, before["ts"].to_numpy())
    if not len(opens):
        return
    for run in np.split(opens, np.flatnonzero(np.diff(opens) != step) + 1):
        for first in range(0, len(run), PAGE):
            part = run[first : first + PAGE]
            yield Page(symbol, timeframe, Instant(int(part[0])), Instant(int(part[-1]) + step))


def missing_funding(folder: Path, symbol: Symbol, begin: Instant, end: Instant) -> Iterator[Page]:
    """Yield the pages of funding after what the panel has, which is whole up to its newest."""
    before = stored(panel_file(folder, symbol, FUNDING_KIND))
    at = [] if before is None else times_of(before)
    first = max(begin, at[-1] + 1) if at and at[0] <= begin + RATES_MS else begin
    for opens in range(first, end, RATES_MS):
        yield Page(symbol, FUNDING_KIND, Instant(opens), Instant(min(end, opens + RATES_MS)))


async def download(
    venue: Venue, folder: Path, pages: Sequence[Page], clock: Clock, tell: Callable[[Progress], None]
) -> Progress:
    """Ask for every page and write what comes; raises Transient when the venue fails one page again and again.

    What was written by then stays.
    """
    progress = Progress(len(pages))
    series: dict[tuple[Symbol, str], list[Page]] = {}
    for page in pages:
        series.setdefault((page.symbol, page.kind), []).append(page)
    room = asyncio.Semaphore(AT_ONCE)

    async def fetch(of: Sequence[Page]) -> None:
        async with room:
            async for rows in _pages(venue, of, clock, progress, tell):
                path = panel_file(folder, of[0].symbol, of[0].kind)
                added = await asyncio.to_thread(_write, folder, path, rows)
                progress.rows += added  # not in one line: others add meanwhile

    tasks = [asyncio.ensure_future(fetch(of)) for of in series.values()]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return progress


async def _pages(
    venue: Venue, pages: Sequence[Page], clock: Clock, progress: Progress, tell: Callable[[Progress], None]
) -> AsyncIterator[pa.Table]:
    """Yield what is to be written, several pages at a time."""
    waiting: list[pa.Table] = []
    for page in pages:
        rows = await _insist(venue, page, clock)
        if len(rows):
            waiting.append(rows)
        else:
            progress.empty.append(page)
        progress.done += 1
        tell(progress)
        if len(waiting) >= WRITTEN_EVERY:
            yield pa.concat_tables(waiting)
            waiting.clear()
    if waiting:
        yield pa.concat_tables(waiting)


async def _insist(venue: Venue, page: Page, clock: Clock) -> pa.Table:
    """Ask for a page until it is answered."""
    waits = backoff(first=0.5, ceiling=15.0)
    for tried in range(1, TRIES + 1):
        try:
            return await _asked(venue, page)
        except (Transient, Refused) as error:
            if tried == TRIES or isinstance(error, Refused):
                raise Transient(f"{page.symbol} {page.kind} from {page.begin}: {error}") from error
            await clock.sleep(next(waits))
    raise AssertionError("every try ends")


async def _asked(venue: Venue, page: Page) -> pa.Table:
    if page.kind == FUNDING_KIND:
        rates = await venue.funding(page.symbol, start=page.begin, end=Instant(page.end - 1))
        return rows_of(FUNDING, [(at, float(rate)) for at, rate in rates])
    timeframe = Timeframe(page.kind)
    found = await venue.candles(page.symbol, timeframe, start=page.begin, limit=(page.end - page.begin) // timeframe.ms)
    return candle_rows(candle for candle in found if page.begin <= candle.open_at < page.end)


def _write(folder: Path, path: Path, rows: pa.Table) -> int:
    with writing(folder):
        return merge(path, rows)
