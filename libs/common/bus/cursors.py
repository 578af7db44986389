"""How far an instance has read its broadcast streams, and remembering it through a crash.

A cursor never runs ahead of what was acknowledged: after a crash some messages come again, none is passed over.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path

import orjson
import structlog

from libs.common.bus.entries import START, order_of

log = structlog.get_logger()


class Watermark:
    """The last entry of a stream before which everything is acknowledged, in whatever order that happened."""

    def __init__(self, start: str = START) -> None:
        self.at = start
        self._handed: dict[str, bool] = {}  # id -> acknowledged, in order of handing out

    def hand_out(self, entry_id: str) -> None:
        self._handed.setdefault(entry_id, False)

    def knows(self, entry_id: str) -> bool:
        """Whether the entry was handed out and still stands before the mark."""
        return entry_id in self._handed

    def acknowledge(self, entry_id: str) -> None:
        """Note that `entry_id` is done; an id that was never handed out changes nothing."""
        if entry_id not in self._handed:
            return
        self._handed[entry_id] = True
        while self._handed:
            first = next(iter(self._handed))
            if not self._handed[first]:
                return
            del self._handed[first]
            self.at = first


class CursorFile:
    """Cursors of one instance in one JSON file, replaced atomically; without a path they are forgotten."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._saved: dict[str, str] = {}
        self._saving = threading.Lock()

    def load(self) -> Mapping[str, str]:
        """Return stream -> entry id; {} when there is no file, or none that can be read (logged)."""
        if self._path is None or not self._path.exists():
            return {}
        try:
            stored = orjson.loads(self._path.read_bytes())
            read = {str(stream): str(entry_id) for stream, entry_id in stored.items()}
            for entry_id in read.values():
                order_of(entry_id)
        except (ValueError, AttributeError) as error:
            log.error("cursors.unreadable", path=str(self._path), reason=str(error))
            return {}
        self._saved = read
        return dict(read)

    def save(self, cursors: Mapping[str, str]) -> None:
        """Write `cursors` durably if they moved: to a new file, synced, then renamed over the old one."""
        if self._path is None:
            return
        with self._saving:  # a save that was given up by its task still runs in its thread
            if cursors == self._saved:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new = self._path.with_suffix(".tmp")
            with new.open("wb") as file:
                file.write(orjson.dumps(cursors))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
            self._saved = dict(cursors)
