"""The folder of snapshots: each is there whole or not at all, also after a power cut."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from libs.common.units import Instant
from services.executor.core.backup import HALF, Snapshot, newest, stale


class BackupFolder:
    """Shared by every executor of one home. Everything here waits for the disk: call it in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def newest(self) -> Snapshot | None:
        return newest(list(self._sizes()))

    def keep(self, name: str, body: bytes, *, now: Instant) -> None:
        """Write one durably, then drop what is stale. Raises OSError when the disk refuses."""
        self._path.mkdir(parents=True, exist_ok=True)
        half = self._path / f"{name}{HALF}"
        with half.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        half.replace(self._path / name)
        self._sync()
        for old in stale(self._sizes(), now):
            (self._path / old).unlink(missing_ok=True)

    def _sync(self) -> None:
        """The name is durable only when its folder is."""
        folder = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _sizes(self) -> Mapping[str, int]:
        sizes = {}
        with suppress(FileNotFoundError):  # the folder itself: nothing was ever kept
            for path in self._path.iterdir():
                with suppress(FileNotFoundError):  # another executor was faster to drop it
                    sizes[path.name] = path.stat().st_size
        return sizes
