"""The ledger: our memory of why. What the venue has is asked of the venue; why it has it is read here.

Every write is one short transaction that begins alone (`BEGIN IMMEDIATE`) and waits for nothing inside.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from libs.common.contracts.message import Message
from libs.common.errors import Fatal
from libs.common.units import Instant, Symbol
from services.executor.adapters.book_rows import BookRows
from services.executor.adapters.control_rows import ControlRows
from services.executor.adapters.intent_rows import IntentRows
from services.executor.adapters.journal_rows import JournalRows
from services.executor.adapters.list_rows import ListRows
from services.executor.adapters.outbox_rows import OutboxRows
from services.executor.adapters.store import file_of, open_store, reading, sqlite_url, writing
from services.executor.adapters.work_rows import WorkRows
from services.executor.core.order import OrderState


class Pages(IntentRows, BookRows, OutboxRows, ControlRows, JournalRows, ListRows, WorkRows):
    """One transaction's view of the whole ledger."""

    def waiting_for_a_person(self) -> Mapping[Symbol, str]:
        """What `recovery accept` settles, with the reason: symbols in review, and orders that contradict us."""
        orders = [intent for intent in self.live_intents() if intent.state is OrderState.MANUAL_REVIEW]
        return {i.symbol: f"order {i.link_id} is not the one we asked for" for i in orders} | dict(self.reviews())


class Ledger:
    """Shared by every executor of one account, in this process or another."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._file = file_of(engine)
        self._identity = _identity(self._file)

    @classmethod
    def open(cls, url: str, *, home: Path) -> "Ledger":
        """Open and migrate; an empty URL means `<home>/ledger.db`. Raises Misconfigured."""
        return cls(open_store(url or sqlite_url(home / "ledger.db")))

    @contextmanager
    def write(self, *, synced: bool = True) -> Iterator[Pages]:
        """One transaction, all or nothing; raises Transient when the ledger stays busy.

        What we are about to do, and what only we know, is synced: on the disk before anything follows from it. What
        the venue has told needs not be: after a power failure it is asked again.
        """
        self._check_file()
        with writing(self._engine, synced=synced) as connection:
            yield Pages(connection)

    @contextmanager
    def read(self) -> Iterator[Pages]:
        self._check_file()
        with reading(self._engine) as connection:
            yield Pages(connection)

    def _check_file(self) -> None:
        """Raise Fatal when our file was deleted or replaced: we would go on writing what nobody reads again."""
        if _identity(self._file) != self._identity:
            raise Fatal(f"the ledger {self._file} was deleted or replaced under us: a new start reads it off the venue")

    def emit(self, *messages: Message, owner: str, now: Instant) -> None:
        """Queue messages that no other write belongs to."""
        with self.write() as pages:
            pages.emit(*messages, owner=owner, now=now)

    def close(self) -> None:
        self._engine.dispose()


def _identity(file: Path | None) -> tuple[int, int] | None:
    """Which file a path leads to now; None where there is none."""
    try:
        found = file.stat() if file is not None else None
    except FileNotFoundError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)
