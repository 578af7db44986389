"""How far a long work is, at what rate, and how long it will still take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units of work after `elapsed_ms` of wall time."""

    unit: str
    total: int
    done: int
    elapsed_ms: float

    def __str__(self) -> str:
        """Such as `63 %, 210 series/s, 3 s left`; without rate and rest while nothing is done."""
        share = f"{100 * self.done // self.total} %" if self.total else "0 %"
        if self.done == 0 or self.elapsed_ms <= 0:
            return share
        rate = self.done * 1_000 / self.elapsed_ms
        left = (self.total - self.done) / rate
        return f"{share}, {rate:.{0 if rate >= 10 else 1}f} {self.unit}/s, {left:.0f} s left"
