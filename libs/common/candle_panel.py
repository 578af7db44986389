"""A panel on disk: `<SYMBOL>-<timeframe>.parquet` and `<SYMBOL>-funding.parquet` in one folder, each file whole or not.

Candles: `ts` (int64 ms, when they open, UTC), `open high low close volume` (float64). Funding: `ts`, `funding_rate`.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pandas as pd
import structlog

from libs.common.units import Timeframe

log = structlog.get_logger()

CANDLE: Final = ("ts", "open", "high", "low", "close", "volume")
FUNDING: Final = ("ts", "funding_rate")
FUNDING_KIND: Final = "funding"
INTERVALS_MS: Final = {timeframe.value: timeframe.ms for timeframe in Timeframe}


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


def merge(path: Path, rows: pd.DataFrame, *, most: int | None = None) -> int:
    """Rewrite a file with these rows in it: sorted by time, each once (a new one counts), the newest `most`.

    Returns how many of the rows' times the file did not have. It is on the disk before it takes the old one's place.
    """
    before = stored(path)
    frame = rows if before is None else pd.concat([before, rows])
    frame = frame.astype({"ts": "int64"}).drop_duplicates("ts", keep="last").sort_values("ts", ignore_index=True)
    added = len(frame) - (0 if before is None else len(before))
    new = path.with_suffix(".tmp")
    (frame if most is None else frame.tail(most)).to_parquet(new, index=False)
    with new.open("rb") as written:
        os.fsync(written.fileno())
    new.replace(path)
    return added


def stored(path: Path) -> pd.DataFrame | None:
    """What a file has; one that cannot be read (the power failed) is put aside, for it would stop us for ever."""
    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        aside = path.with_suffix(".unreadable")
        log.error("candles.unreadable", file=str(path), put_aside=str(aside), reason=str(error))
        path.replace(aside)
        return None
