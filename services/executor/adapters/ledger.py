"""The ledger: our memory of why. What the venue has is asked of the venue; why it has it is read here.

Every write is one short transaction that begins alone (`BEGIN IMMEDIATE`) and waits for nothing inside.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from libs.common.contracts.message import Message
from libs.common.units import Instant
from services.executor.adapters.book_rows import BookRows
from services.executor.adapters.control_rows import ControlRows
from services.executor.adapters.intent_rows import IntentRows
from services.executor.adapters.journal_rows import JournalRows
from services.executor.adapters.list_rows import ListRows
from services.executor.adapters.outbox_rows import OutboxRows
from services.executor.adapters.store import open_store, reading, sqlite_url, writing


class Pages(IntentRows, BookRows, OutboxRows, ControlRows, JournalRows, ListRows):
    """One transaction's view of the whole ledger."""


class Ledger:
    """Shared by every executor of one account, in this process or another."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str, *, home: Path) -> "Ledger":
        """Open and migrate; an empty URL means `<home>/ledger.db`. Raises Misconfigured."""
        return cls(open_store(url or sqlite_url(home / "ledger.db")))

    @contextmanager
    def write(self) -> Iterator[Pages]:
        """One transaction, all or nothing; raises Transient when the ledger stays busy."""
        with writing(self._engine) as connection:
            yield Pages(connection)

    @contextmanager
    def read(self) -> Iterator[Pages]:
        with reading(self._engine) as connection:
            yield Pages(connection)

    def emit(self, *messages: Message, owner: str, now: Instant) -> None:
        """Queue messages that no other write belongs to."""
        with self.write() as pages:
            pages.emit(*messages, owner=owner, now=now)

    def close(self) -> None:
        self._engine.dispose()
