"""The newest words of all processes, in the order they were said: what the live screen shows under its tables."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ironkeel.local.preflight import last_lines

HIDDEN: Final = frozenset({"event", "level", "timestamp", "service", "instance", "trace", "message", "exception"})
PER_PROCESS: Final = 20


def newest_lines(logs: Path, names: Sequence[str], count: int) -> list[str]:
    """The `count` newest structured lines of level info and above, oldest first; others are passed over."""
    rows = [(name, row) for name in names for row in _rows(last_lines(logs / f"{name}.log", PER_PROCESS))]
    rows.sort(key=lambda each: str(each[1]["timestamp"]))
    return [told(name, row) for name, row in rows[-count:]]


def told(name: str, row: Mapping[str, object]) -> str:
    """One line for a person: `05:45:01 executor position.opened side=long qty=0.01`."""
    facts = " ".join(f"{key}={value}" for key, value in row.items() if key not in HIDDEN)
    return f"{str(row['timestamp'])[11:19]} {name} {row['event']} {facts}".rstrip()


def _rows(text: str) -> list[dict[str, object]]:
    found = []
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "event" in row and "timestamp" in row and row.get("level") != "debug":
            found.append(row)
    return found
