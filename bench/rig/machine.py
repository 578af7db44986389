"""The machine that a figure was measured on: how busy it was, how steady, and what a process takes of it."""

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SPIN: Final = 200_000
SPINS: Final = 15
PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4_096


@dataclass(frozen=True, slots=True)
class Figures:
    """What several runs of one thing gave."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def text(self, digits: int = 0) -> str:
        """The median, and from where to where the runs went."""
        low, high = min(self.values), max(self.values)
        return f"{self.median:,.{digits}f} ({low:,.{digits}f}-{high:,.{digits}f})"


def noise() -> str:
    """Do the same small work again and again: how much longer the slowest took says how busy the machine is."""
    took = sorted(_spin() for _ in range(SPINS))
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    middle = took[len(took) // 2]
    return (
        f"machine: {os.cpu_count()} cores, load {load}; the same work takes {middle * 1e3:.1f} ms,"
        f" {took[0] / middle:.2f}x to {took[-1] / middle:.2f}x of that"
    )


def _spin() -> float:
    began, total = time.perf_counter(), 0
    for number in range(SPIN):
        total += number
    return time.perf_counter() - began


def pin(pid: int, core: int) -> None:
    """Keep a process on one core, where the system can."""
    if hasattr(os, "sched_setaffinity") and core in os.sched_getaffinity(0):
        os.sched_setaffinity(pid, {core})


def busy_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Memory of a process that is really there, in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20


def spread(took: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    ordered = sorted(took)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
