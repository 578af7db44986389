"""What it costs to write a few new candles of many series: appended to their day, and whole files written anew.

    python -m bench.candle_flush [--series 150] [--kept 2000] [--new 1] [--flushes 5]

Both ways write the same candles to panels of the same size, one flush after the other in turn. The first way is the
fetcher's; the other reads, joins and writes the file of every series with pandas. Then the day is over and is merged,
and the disk is looked at: what a day of all series adds to it.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import pandas as pd

from bench.rig.machine import Figures, noise
from libs.common.candle_days import Key, Row, days_of, grow
from libs.common.candle_panel import CANDLE, panel_file
from libs.common.units import DAY_MS, Symbol, Timeframe

FIRST: Final = 1_757_894_400_000  # 2025-09-15T00:00:00Z
M15: Final = Timeframe.M15
KEPT: Final = 200_000


@dataclass(slots=True)
class Spent:
    """Of each flush: CPU and wall seconds, and bytes that the process gave to the disk."""

    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    written: list[int] = field(default_factory=list)

    def on(self, work: Callable[[], object]) -> None:
        cpu, wall, written = time.process_time(), time.perf_counter(), _written()
        work()
        self.cpu_s.append(time.process_time() - cpu)
        self.wall_s.append(time.perf_counter() - wall)
        self.written.append(_written() - written)

    def text(self) -> str:
        size = sum(self.written) / len(self.written) / 1e6
        return f"{Figures(self.cpu_s).text(3)} CPU s, {Figures(self.wall_s).text(3)} s, {size:.2f} MB written"


def _written() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


def candles(number: int, begin: int, count: int) -> Sequence[Row]:
    """Candles of the `number`th series as a market makes them: a walk on a tick, no two series alike."""
    rng = np.random.default_rng((number, FIRST // M15.ms + begin))
    price = 10.0 ** (number % 5) * 1.7
    tick = price / 10_000
    close = np.maximum(price / 2, price + np.cumsum(rng.normal(0, 5, count)).round() * tick)
    high, low = close + rng.integers(0, 9, count) * tick, close - rng.integers(0, 9, count) * tick
    prices = [np.round(each, 6).tolist() for each in (np.roll(close, 1), high, low, close)]
    volume = np.round(rng.lognormal(8, 1, count), 3).tolist()
    at = [FIRST + (begin + n) * M15.ms for n in range(count)]
    return [(ts, o, h, lo, c, v, f"{v * c:.7f}") for ts, o, h, lo, c, v in zip(at, *prices, volume, strict=True)]


def rewrite(folder: Path, new: dict[Key, Sequence[Row]]) -> None:
    """The other way: every file read, joined and written whole."""
    for key, rows in new.items():
        path = panel_file(folder, *key)
        frame = pd.DataFrame([row[:6] for row in rows], columns=list(CANDLE))
        if path.exists():
            frame = pd.concat([pd.read_parquet(path), frame])
        frame = frame.astype({"ts": "int64"}).drop_duplicates("ts", keep="last").sort_values("ts", ignore_index=True)
        whole = path.with_suffix(".tmp")
        frame.tail(KEPT).to_parquet(whole, index=False)
        with whole.open("rb") as written:
            os.fsync(written.fileno())
        whole.replace(path)


def measure(home: Path, series: int, kept: int, new: int, flushes: int) -> None:
    keys = [(Symbol(f"S{number}USDT"), M15) for number in range(series)]
    ours, theirs, appended, rewritten = home / "ours", home / "theirs", Spent(), Spent()
    history = {key: candles(n, -kept, kept) for n, key in enumerate(keys)}
    grow(ours, history, most=KEPT)
    theirs.mkdir()
    rewrite(theirs, history)
    grow(ours, {key: candles(n, 0, 1) for n, key in enumerate(keys)}, most=KEPT)
    for flush in range(flushes):
        told = {key: candles(n, 1 + flush * new, new) for n, key in enumerate(keys)}
        appended.on(lambda told=told: grow(ours, told, most=KEPT))  # type: ignore[misc]
        rewritten.on(lambda told=told: rewrite(theirs, told))  # type: ignore[misc]
    print(f"{series} series of {kept} candles, {new} new each, {flushes} flushes; each")
    print(f"  appended: {appended.text()}")
    print(f"  rewritten: {rewritten.text()}")
    print(f"  CPU rewritten / appended: {Figures(rewritten.cpu_s).median / Figures(appended.cpu_s).median:.1f}")
    day, before, merged = DAY_MS // M15.ms, _size(ours), Spent()
    grow(ours, {key: candles(n, 0, day) for n, key in enumerate(keys)}, most=KEPT)
    waiting = sum(path.stat().st_size for path in days_of(ours))
    merged.on(lambda: grow(ours, {key: candles(n, day, 1) for n, key in enumerate(keys)}, most=KEPT))
    print(f"  a whole day waits in {waiting / 1e6:.2f} MB; merged once a day: {merged.text()}")
    print(f"  a day adds {(_size(ours) - before) / 1e6:.2f} MB to {_size(ours) / 1e6:.1f} MB")


def _size(folder: Path) -> int:
    """Of the files of the series alone."""
    return sum(path.stat().st_size for path in folder.glob("*.parquet"))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--series", type=int, default=150)
    asked.add_argument("--kept", type=int, default=2_000)
    asked.add_argument("--new", type=int, default=1)
    asked.add_argument("--flushes", type=int, default=5)
    told = asked.parse_args()
    print(noise())
    with TemporaryDirectory(prefix="bench-") as name:
        measure(Path(name), told.series, told.kept, told.new, told.flushes)
    print(noise())


if __name__ == "__main__":
    main()
