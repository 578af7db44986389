"""A panel that grows: the candles of its newest market day wait in `days/<date>.parquet`, all series in one small file.

Whoever wrote every new candle into its series' own file would write the whole panel every time. Here new candles are
appended to their day, one file whatever the number of series; when a later day begins, the day is merged into the files
of its series and taken away. A row of a day: `symbol`, `timeframe`, and what the series' file has. `turnover` (string)
is the venue's own digits, which a float64 does not hold; null: the other numbers are not the venue's to the digit.

1. A day is taken away only after every file that it was merged into is on the disk: who dies at any step leaves each
   candle somewhere, and doing it again changes nothing.
2. Readers take no lock: they read the days first, so what is merged meanwhile they find in the series' file.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from libs.common.candle_panel import (
    CANDLE,
    UNREADABLE,
    in_order,
    panel_file,
    read_whole,
    stored,
    times_of,
    write_whole,
    writing,
)
from libs.common.clock import iso
from libs.common.units import DAY_MS, Instant, Symbol, Timeframe

DAYS: Final = "days"
SERIES: Final = ("symbol", "timeframe")
TURNOVER: Final = "turnover"

Key: TypeAlias = tuple[Symbol, Timeframe]
Row: TypeAlias = tuple[int, float, float, float, float, float, str | None]  # CANDLE and turnover
Day: TypeAlias = dict[Key, pa.Table]  # what a day has of each series

_KINDS: Final[dict[str, pa.DataType]] = {
    "ts": pa.int64(),
    **dict.fromkeys(CANDLE[1:], pa.float64()),
    TURNOVER: pa.string(),
}
_ROW: Final = pa.schema(_KINDS)


def grow(folder: Path, new: Mapping[Key, Sequence[Row]], *, most: int, anew: Collection[Key] = ()) -> bool:
    """Write new candles to their day, or to their series' file where there is none or they are older than the day.

    most: rows of one series that are kept, the newest. anew: series that `ends` found no end of.
    Returns False when a file had to be put aside: its series have lost rows then, and those that were to be merged with
    them are not written, so that `ends` shows what is missing.
    """
    rows = {key: _table(told) for key, told in new.items() if told}
    with writing(folder):
        days, paths = {}, days_of(folder)
        for path in paths:
            if (day := stored(path)) is not None:
                days[path.stem] = by_series(day)
        newest = max([*days, *(_date(times_of(part)[-1]) for part in rows.values())], default="")
        over = [path for path in paths if path.stem in days and path.stem < newest]
        due = {key for path in over for key in days[path.stem]}
        due |= {key for key, part in rows.items() if _date(times_of(part)[0]) < newest}
        due |= {key for key in rows if key in anew or not _file(folder, key).exists()}
        whole = len(days) == len(paths)
        for key in sorted(due):
            parts = [day[key] for day in days.values() if key in day]
            whole &= _merged(_file(folder, key), [*parts, *([rows.pop(key)] if key in rows else [])], most)
        if rows:
            _append(folder / DAYS / f"{newest}.parquet", days.get(newest, {}), rows)
        if whole and over:
            _on_the_disk(folder)
            for path in over:
                path.unlink()
    return whole


def days_of(folder: Path) -> Sequence[Path]:
    """The files of days that are not merged yet, oldest first."""
    return sorted((folder / DAYS).glob("*.parquet"))


def by_series(day: pa.Table) -> Day:
    """The rows of a day's file, series by series, each in order."""
    names = list(zip(*(day[name].to_pylist() for name in SERIES), strict=True))
    firsts = [n for n, name in enumerate(names) if n == 0 or name != names[n - 1]]
    rows = day.drop_columns(list(SERIES))
    spans = zip(firsts, [*firsts[1:], len(names)], strict=True)
    return {
        (Symbol(names[first][0]), Timeframe(names[first][1])): rows.slice(first, last - first) for first, last in spans
    }


def read_series(folder: Path, key: Key, *, since: int = 0) -> pa.Table | None:
    """Candles of one series from `since` on (earlier ones may come too), in order; None: the panel has none of it.

    Raises one of UNREADABLE when a file is torn, KeyError when it has no times.
    """
    parts = series_parts(folder, key, since=since)
    return in_order(parts) if parts else None


def series_parts(folder: Path, key: Key, *, since: int = 0) -> Sequence[pa.Table]:
    """What the file of a series has, as it is, and what each day has; a later part counts. See `read_series`."""
    parts: list[pa.Table] = []
    for path in days_of(folder):
        with suppress(FileNotFoundError):  # merged meanwhile
            day = by_series(read_whole(path))
            parts += [day[key]] if key in day else []
    with suppress(FileNotFoundError), pq.ParquetFile(_file(folder, key)) as file:
        groups = [n for n in range(file.num_row_groups) if (end := _end_of(file.metadata, n)) is None or end >= since]
        parts.insert(0, file.read_row_groups(groups).replace_schema_metadata(None))
    return parts


def ends(folder: Path, keys: Sequence[Key]) -> Sequence[Instant | None]:
    """Open time of the last candle of each series up to which no day is missing; None: it has no file that is whole."""
    days = []
    for path in days_of(folder):
        with suppress(*UNREADABLE):  # put aside by who writes next
            days.append(by_series(read_whole(path)))
    return [_end(_file(folder, key), key, [day[key] for day in days if key in day]) for key in keys]


def _end(path: Path, key: Key, parts: Sequence[pa.Table]) -> Instant | None:
    try:
        footer = pq.read_metadata(path)
    except UNREADABLE:
        return None
    end = _end_of(footer, footer.num_row_groups - 1) if footer.num_rows else None
    if end is None:
        return None
    for part in parts:
        for at in times_of(part):
            end = at if at == end + key[1].ms else end
    return Instant(end)


def _end_of(footer: Any, group: int) -> int | None:
    """The last time in a group of rows, from the footer; None when it does not say."""
    if "ts" not in footer.schema.names:
        return None
    known = footer.row_group(group).column(footer.schema.names.index("ts")).statistics
    return int(known.max) if known is not None and known.has_min_max else None


def _merged(path: Path, parts: Sequence[pa.Table], most: int) -> bool:
    """Write a series' file with these rows in it; False: it was torn, and is aside."""
    before = stored(path) if path.exists() else _ROW.empty_table()
    if before is None:
        return False
    whole = in_order([before, *parts])
    write_whole(path, whole.slice(max(0, len(whole) - most)))
    return True


def _append(path: Path, before: Day, rows: Day) -> None:
    path.parent.mkdir(exist_ok=True)
    day = before | {key: in_order([before[key], part] if key in before else [part]) for key, part in rows.items()}
    keys = sorted(day)
    names = [[key[n] for key in keys for _ in range(len(day[key]))] for n in range(len(SERIES))]
    table = pa.concat_tables([day[key] for key in keys])
    for number, name in enumerate(SERIES):
        table = table.add_column(number, name, pa.array(names[number], pa.string()))
    write_whole(path, table)


def _table(rows: Sequence[Row]) -> pa.Table:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, _ROW, strict=True)]
    return in_order([pa.Table.from_arrays(arrays, schema=_ROW)])


def _date(at: int) -> str:
    return iso(Instant(at - at % DAY_MS))[:10]


def _file(folder: Path, key: Key) -> Path:
    return panel_file(folder, *key)


def _on_the_disk(folder: Path) -> None:
    """Have the names of the files on the disk too, before what they replace is taken away."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
