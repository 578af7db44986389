"""The venue's list of contracts as it was last read: a start need not ask for it before it can protect what is open."""

import os
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from libs.common.exchange.market_types import Instrument
from libs.common.units import Symbol

log = structlog.get_logger()

NAME = "instruments.json"
_LISTED = TypeAdapter(dict[str, tuple[Instrument, ...]])  # by venue


class InstrumentFile:
    """Shared by every executor of one home."""

    def __init__(self, home: Path, venue: str) -> None:
        self._path, self._venue = home / NAME, str(venue)

    def load(self) -> dict[Symbol, Instrument]:
        """What is known of this venue; nothing when the file is missing or cannot be read."""
        try:
            listed = _LISTED.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError) as error:
            log.warning("instruments.unreadable", path=str(self._path), reason=str(error))
            return {}
        return {one.symbol: one for one in listed.get(self._venue, ())}

    def keep(self, listed: dict[Symbol, Instrument]) -> None:
        """Replace the file, whole or not at all; a disk that refuses costs the next start one question."""
        half = self._path.with_suffix(f".{os.getpid()}.half")  # another executor may be writing too
        try:
            half.write_bytes(_LISTED.dump_json({self._venue: tuple(listed.values())}))
            half.replace(self._path)
        except OSError as error:
            log.warning("instruments.not_kept", reason=str(error))
