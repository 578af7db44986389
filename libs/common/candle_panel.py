"""A panel on disk: `<SYMBOL>-<timeframe>.parquet` and `<SYMBOL>-funding.parquet` in one folder, each file whole or not.

Candles: `ts` (int64 ms, when they open, UTC), `open high low close volume` (float64); those of the fetcher `turnover`
too (see candle_days, which knows the newest day besides). Funding: `ts`, `funding_rate`.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from libs.common.contracts.market import Bar
from libs.common.units import Timeframe

log = structlog.get_logger()

CANDLE: Final = ("ts", "open", "high", "low", "close", "volume")
FUNDING: Final = ("ts", "funding_rate")
FUNDING_KIND: Final = "funding"
INTERVALS_MS: Final = {timeframe.value: timeframe.ms for timeframe in Timeframe}
GROUP: Final = 20_000  # rows that are read together
UNREADABLE: Final = (OSError, ValueError, pa.ArrowException)  # of a file that is torn, or none


def candle_rows(bars: Iterable[Bar]) -> pa.Table:
    """Candles as a file has them."""
    return rows_of(
        CANDLE,
        [(b.open_at, float(b.open), float(b.high), float(b.low), float(b.close), float(b.volume)) for b in bars],
    )


def rows_of(columns: Sequence[str], rows: Sequence[tuple[float, ...]]) -> pa.Table:
    """Rows of a file: the first column are times, the others numbers."""
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    kinds = [pa.int64(), *(pa.float64(),) * (len(columns) - 1)]
    arrays = [pa.array(each, kind) for each, kind in zip(values, kinds, strict=True)]
    return pa.table(arrays, names=list(columns))


def times_of(rows: pa.Table) -> list[int]:
    """The times of all rows, in ms."""
    times: list[int] = rows["ts"].to_numpy().tolist()
    return times


def panel_file(folder: Path, symbol: str, kind: str) -> Path:
    """kind: a timeframe, or `funding`."""
    return folder / f"{symbol}-{kind}.parquet"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Be the only process that writes in this folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def merge(path: Path, rows: pa.Table) -> int:
    """Rewrite a file with these rows in it: sorted by time, each once (a new one counts).

    Returns how many of the rows' times the file did not have.
    """
    before = stored(path)
    whole = in_order([rows] if before is None else [before, rows])
    write_whole(path, whole)
    return len(whole) - (0 if before is None else len(before))


def in_order(parts: Sequence[pa.Table]) -> pa.Table:
    """Rows of one series, sorted by time, each time once: of the last part that has it. At least one part."""
    whole = pa.concat_tables(parts, promote_options="default") if len(parts) > 1 else parts[0]
    at = whole["ts"].to_numpy()
    if np.all(np.diff(at) > 0):
        return whole
    order = np.argsort(at, kind="stable")
    return whole.take(order[np.diff(at[order], append=at[order[-1]] + 1) > 0])


def write_whole(path: Path, table: pa.Table) -> None:
    """Put a file in another's place when it is on the disk: who dies meanwhile leaves the other."""
    new = path.with_suffix(".tmp")
    pq.write_table(table, new, compression="zstd", row_group_size=GROUP)
    with new.open("rb") as written:
        os.fsync(written.fileno())
    new.replace(path)


def stored(path: Path) -> pa.Table | None:
    """What a file has; one that cannot be read (the power failed) is put aside, for it would stop us for ever."""
    try:
        return read_whole(path)
    except FileNotFoundError:
        return None
    except UNREADABLE as error:
        _put_aside(path, error)
        return None


def read_whole(path: Path) -> pa.Table:
    """The rows of one file and nothing that a writer noted beside them; raises one of UNREADABLE."""
    with pq.ParquetFile(path) as file:
        return file.read().replace_schema_metadata(None)


def _put_aside(path: Path, error: Exception) -> None:
    aside = path.with_suffix(".unreadable")
    log.error("candles.unreadable", file=str(path), put_aside=str(aside), reason=str(error))
    path.replace(aside)
