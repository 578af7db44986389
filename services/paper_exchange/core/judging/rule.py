"""One promise of the system, and what came of it."""

from dataclasses import dataclass
from typing import Final

from services.paper_exchange.core.judging.audit_rows import Key

SHOWN: Final = 5  # breaches that are told in a line


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise, what was looked at, and every breach of it."""

    name: str
    looked_at: str
    violations: tuple[str, ...]

    @property
    def line(self) -> str:
        if not self.violations:
            return f"ok    {self.name} ({self.looked_at})"
        told = "; ".join(self.violations[:SHOWN])
        return f"FAIL  {self.name}: {len(self.violations)} of {self.looked_at}: {told}"


def named(key: Key) -> str:
    """A position for a person: its symbol, and its side of the hedge where there are two."""
    symbol, side = key
    return symbol if not side else f"{symbol}/{side}"
