"""What is wrong with the files of a panel, from their rows alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import JsonValue

from libs.common.candle_days import SERIES, TURNOVER, by_series, days_of
from libs.common.candle_panel import CANDLE, FUNDING, FUNDING_KIND, INTERVALS_MS, UNREADABLE, read_whole
from libs.common.clock import iso
from libs.common.units import HOUR_MS, Instant

Instants: TypeAlias = NDArray[np.int64]
Verdicts: TypeAlias = NDArray[np.bool_]
HOLES_SAID: Final = 5  # of one file, by their place


@dataclass(frozen=True, slots=True)
class Checked:
    """One file: its rows, what cannot be, and the candles that are missing between its first and its last."""

    file: Path
    rows: int = 0
    missing: int = 0
    faults: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()

    @property
    def as_json(self) -> dict[str, JsonValue]:
        return {
            "file": str(self.file),
            "rows": self.rows,
            "missing": self.missing,
            "faults": list(self.faults),
            "holes": list(self.holes),
        }


def check_panel(folder: Path) -> Sequence[Checked]:
    """Read every file of a panel whole and judge it; that of a day too, in which each series is judged by itself."""
    files = [check(path) for path in sorted(folder.glob("*-*.parquet"))]
    return [*files, *(_check_day(path) for path in days_of(folder))]


def check(path: Path) -> Checked:
    """Read the file of a series whole and judge it."""
    kind = path.stem.rpartition("-")[2]
    if kind not in INTERVALS_MS and kind != FUNDING_KIND:
        return Checked(path, faults=(f"{kind!r} is none of {', '.join(INTERVALS_MS)} and {FUNDING_KIND}",))
    try:
        return judged(path, read_whole(path).to_pandas(), kind)
    except UNREADABLE as error:
        return Checked(path, faults=(f"it cannot be read: {error}",))


def _check_day(path: Path) -> Checked:
    try:
        table = read_whole(path)
        if missing := [name for name in (*SERIES, *CANDLE, TURNOVER) if name not in table.column_names]:
            return Checked(path, len(table), faults=tuple(f"it has no column {name}" for name in missing))
        found = {key: judged(path, rows.to_pandas(), key[1].value) for key, rows in by_series(table).items()}
    except (*UNREADABLE, KeyError) as error:
        return Checked(path, faults=(f"it cannot be read: {error}",))
    faults, holes = [], []
    for key, each in found.items():
        faults += [f"{key[0]} {key[1]}: {fault}" for fault in each.faults]
        holes += [f"{key[0]} {key[1]}: {hole}" for hole in each.holes]
    return Checked(path, len(table), sum(each.missing for each in found.values()), tuple(faults), tuple(holes))


def judged(path: Path, frame: pd.DataFrame, kind: str) -> Checked:
    """Judge rows of one series. kind: a timeframe, or `funding`."""
    interval_ms = INTERVALS_MS.get(kind)
    wrong = tuple(_layout(frame, CANDLE if interval_ms else FUNDING))
    if wrong:
        return Checked(path, len(frame), faults=wrong)
    if interval_ms is None:
        return Checked(path, len(frame), faults=(*_times(frame, HOUR_MS), *_finite(frame, FUNDING[1:])))
    faults = (*_times(frame, interval_ms), *_finite(frame, CANDLE[1:]), *_shapes(frame))
    holes = _holes(frame, interval_ms)
    return Checked(path, len(frame), sum(count for _, count in holes), faults, tuple(_said(holes)))


def _layout(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[str]:
    for name in columns:
        wanted = "int64" if name == "ts" else "float64"
        if name not in frame:
            yield f"it has no column {name}"
        elif str(frame[name].dtype) != wanted:
            yield f"{name} is {frame[name].dtype}, not {wanted}"


def _times(frame: pd.DataFrame, grid_ms: int) -> Iterator[str]:
    at = frame["ts"].to_numpy()
    yield from _told("is not where a candle opens", at, at % grid_ms != 0)
    later = np.diff(at, prepend=at[:1] - 1)
    yield from _told("comes twice", at, later == 0)
    yield from _told("is not in order", at, later < 0)


def _finite(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[str]:
    at = frame["ts"].to_numpy()
    for name in columns:
        yield from _told(f"has no finite {name}", at, ~np.isfinite(frame[name].to_numpy()))


def _shapes(frame: pd.DataFrame) -> Iterator[str]:
    at, open_, high, low, close, volume = (frame[name].to_numpy() for name in CANDLE)
    yield from _told("has a price that is not above zero", at, np.minimum.reduce([open_, high, low, close]) <= 0)
    yield from _told("has its low above its high", at, low > high)
    outside = (np.maximum(open_, close) > high) | (np.minimum(open_, close) < low)
    yield from _told("opens or closes outside its range", at, outside & (low <= high))
    yield from _told("has a negative volume", at, volume < 0)


def _holes(frame: pd.DataFrame, interval_ms: int) -> Sequence[tuple[int, int]]:
    """The first candle of each hole, and how many are missing there."""
    at = np.unique(frame["ts"].to_numpy() // interval_ms)
    apart = np.diff(at)
    where = np.flatnonzero(apart > 1)
    return [(int(at[n] + 1) * interval_ms, int(apart[n] - 1)) for n in where]


def _said(holes: Sequence[tuple[int, int]]) -> Iterator[str]:
    for first, count in holes[:HOLES_SAID]:
        yield f"{iso(Instant(first))} is missing" + (f", and {count - 1} after it" if count > 1 else "")
    if len(holes) > HOLES_SAID:
        yield f"and {len(holes) - HOLES_SAID} more holes"


def _told(what: str, at: Instants, wrong: Verdicts) -> Iterator[str]:
    """One line for all rows that are wrong in one way."""
    found = at[wrong]
    if len(found):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        yield f"{iso(Instant(int(found[0])))}{more} {what}"
