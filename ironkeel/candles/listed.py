"""What a panel has, told by the footers of its files and by the days that wait: no row of a series is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from libs.common.candle_days import by_series, days_of
from libs.common.candle_panel import INTERVALS_MS, UNREADABLE, read_whole, times_of
from libs.common.clock import iso
from libs.common.units import Instant


@dataclass(frozen=True, slots=True)
class Listed:
    """One series. first, last: when its candles open, in ms, None: it has none; missing: how many lack in between."""

    panel: str
    symbol: str
    timeframe: str
    candles: int = 0
    first: int | None = None
    last: int | None = None
    bytes: int = 0
    fault: str = ""

    @property
    def missing(self) -> int:
        interval_ms = INTERVALS_MS.get(self.timeframe)
        if interval_ms is None or self.first is None or self.last is None:
            return 0
        return max(0, (self.last - self.first) // interval_ms + 1 - self.candles)

    @property
    def as_json(self) -> dict[str, str | int]:
        return {
            "panel": self.panel,
            "symbol": self.symbol,
            "timeframe": self.timeframe,
            "candles": self.candles,
            "first": "" if self.first is None else iso(Instant(self.first)),
            "last": "" if self.last is None else iso(Instant(self.last)),
            "missing": self.missing,
            "bytes": self.bytes,
            "fault": self.fault,
        }


def listed(panel: Path) -> Sequence[Listed]:
    """Every series of a panel, by name; a file that cannot be read says so."""
    waiting: dict[tuple[str, str], list[int]] = {}
    torn = []
    for path in days_of(panel):
        try:
            day = by_series(read_whole(path))
        except UNREADABLE as error:
            torn.append(Listed(panel.name, path.stem, "day", bytes=path.stat().st_size, fault=_unread(error)))
            continue
        for key, rows in day.items():
            waiting.setdefault((key[0], key[1].value), []).extend(times_of(rows))
    return [*(_with_days(_of(path), waiting) for path in sorted(panel.glob("*-*.parquet"))), *torn]


def _with_days(series: Listed, waiting: Mapping[tuple[str, str], Sequence[int]]) -> Listed:
    """Candles that are in both are in the file already."""
    later = [at for at in waiting.get((series.symbol, series.timeframe), ()) if series.last is None or at > series.last]
    if not later:
        return series
    first = later[0] if series.first is None else series.first
    return replace(series, candles=series.candles + len(later), first=first, last=later[-1])


def _of(path: Path) -> Listed:
    symbol, _, timeframe = path.stem.rpartition("-")
    named = Listed(path.parent.name, symbol, timeframe, bytes=path.stat().st_size)
    try:
        footer = pq.read_metadata(path)
    except UNREADABLE as error:
        return replace(named, fault=_unread(error))
    found = [footer.row_group(n).column(0).statistics for n in range(footer.num_row_groups)]
    known: list[Any] = [group for group in found if group is not None and group.has_min_max]
    first = min((int(group.min) for group in known), default=None)
    return replace(
        named, candles=int(footer.num_rows), first=first, last=max((int(group.max) for group in known), default=None)
    )


def _unread(error: Exception) -> str:
    return f"it cannot be read: {error}"
