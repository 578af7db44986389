"""What is wrong with the files of a panel, from their rows alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from libs.common.candle_panel import CANDLE, FUNDING, FUNDING_KIND, INTERVALS_MS
from libs.common.clock import iso
from libs.common.units import HOUR_MS, Instant

Instants: TypeAlias = NDArray[np.int64]
Verdicts: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Checked:
    """One file: its rows, the candles that lie between its first and last and are not there, and what cannot be."""

    file: Path
    rows: int
    missing: int
    faults: tuple[str, ...]


def check(path: Path) -> Checked:
    """Read a file whole and judge it; a hole is counted, for a venue may have been away, and is no fault."""
    kind = path.stem.rpartition("-")[2]
    interval_ms = INTERVALS_MS.get(kind)
    if interval_ms is None and kind != FUNDING_KIND:
        return Checked(path, 0, 0, (f"{kind!r} is none of {', '.join(INTERVALS_MS)} and {FUNDING_KIND}",))
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        return Checked(path, 0, 0, (f"it cannot be read: {error}",))
    wrong = tuple(_layout(frame, CANDLE if interval_ms else FUNDING))
    if wrong:
        return Checked(path, len(frame), 0, wrong)
    if interval_ms is None:
        return Checked(path, len(frame), 0, (*_times(frame, HOUR_MS), *_finite(frame, FUNDING[1:])))
    faults = (*_times(frame, interval_ms), *_finite(frame, CANDLE[1:]), *_shapes(frame))
    return Checked(path, len(frame), _missing(frame, interval_ms), faults)


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


def _missing(frame: pd.DataFrame, interval_ms: int) -> int:
    at = np.unique(frame["ts"].to_numpy())
    return int((at[-1] - at[0]) // interval_ms + 1 - len(at)) if len(at) else 0


def _told(what: str, at: Instants, wrong: Verdicts) -> Iterator[str]:
    """One line for all rows that are wrong in one way."""
    found = at[wrong]
    if len(found):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        yield f"{iso(Instant(int(found[0])))}{more} {what}"
