"""Reports as files: `<home>/postmortems/<trade_id>.json`, there whole or not at all.

1. A report that is there is never written again: the first one stands.
2. A report is durable when `write` returns: file and folder are synced.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import orjson
import structlog

from libs.common.contracts.postmortems import PostmortemWritten
from libs.common.contracts.registry import decode
from libs.common.errors import Poison
from libs.common.ids import derive_id

log = structlog.get_logger()

LONGEST_NAME: Final = 200  # file systems take 255 bytes


class Archive:
    """The folder of reports; several processes may write to it, since a trade has the same bytes in each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, report: PostmortemWritten) -> bool:
        """Make the report durable; False where it was there already. Raises OSError."""
        path = self.path(report.trade_id)
        if self.read(report.trade_id) is not None:
            return False
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        with draft.open("wb") as file:
            file.write(as_bytes(report))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        self._sync_folder()
        return True

    def read(self, trade_id: str) -> PostmortemWritten | None:
        """Return a trade's report; None where there is none, or none that can be read. Raises OSError."""
        return self._load(self.path(trade_id))

    def reports(self) -> Iterator[PostmortemWritten]:
        """Yield every report that can be read, in the order of their file names."""
        for path in sorted(self.folder.glob("*.json")):
            report = self._load(path)
            if report is not None:
                yield report

    def path(self, trade_id: str) -> Path:
        """Where a trade's report lies, whatever characters its id is made of."""
        return self.folder / f"{file_name(trade_id)}.json"

    def _load(self, path: Path) -> PostmortemWritten | None:
        try:
            return from_bytes(path.read_bytes())
        except FileNotFoundError:
            return None
        except Poison as error:
            log.error("report.unreadable", path=str(path), reason=str(error))
            return None

    def _sync_folder(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def file_name(trade_id: str) -> str:
    """A name without separators, never hidden and never too long; ids of ours are their own names."""
    name = quote(trade_id, safe="").replace(".", "%2E")
    return name if 0 < len(name) <= LONGEST_NAME else derive_id("trade", trade_id)


def as_bytes(report: PostmortemWritten) -> bytes:
    """The report as a file: its schema's name first, so that a later version can read it."""
    body = {"schema": report.schema_name, **report.model_dump(mode="json")}
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def from_bytes(content: bytes) -> PostmortemWritten:
    """Read a file of any version; raises Poison."""
    try:
        body = orjson.loads(content)
        schema = body.pop("schema")
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise Poison(f"not a report: {error!r}") from error
    report = decode(str(schema).encode(), orjson.dumps(body))
    if not isinstance(report, PostmortemWritten):
        raise Poison(f"{schema} is not a report")
    return report
