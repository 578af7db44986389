"""The choice of symbols as a home remembers it, for the day when Redis has forgotten it."""

import os
from pathlib import Path

import structlog

from services.fetcher.adapters.universe_board import CHOICE, readable
from services.fetcher.core.choice import Choice

log = structlog.get_logger()


class UniverseFile:
    """`<home>/universe.json`, whole or not at all; every fetcher of a home writes the same."""

    def __init__(self, home: Path) -> None:
        self._path = home / "universe.json"

    def load(self) -> Choice | None:
        """What was kept last; None when nothing was, or nothing that can be read."""
        try:
            return readable(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("universe.unreadable", path=str(self._path), reason=str(error))
            return None

    def keep(self, choice: Choice) -> None:
        """Replace the file; a disk that refuses costs only the memory of it."""
        half = self._path.with_suffix(f".{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            half.write_bytes(CHOICE.dump_json(choice))
            half.replace(self._path)
        except OSError as error:
            log.warning("universe.not_kept", path=str(self._path), reason=str(error))
