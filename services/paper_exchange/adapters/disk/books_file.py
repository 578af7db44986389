"""The books on disk: every accepted change is durable before anybody hears of it.

One SQLite file in WAL. A batch with changes is synced to the disk; a heartbeat is only written, which is enough for
a killed process and costs nothing.
"""

import sqlite3
from pathlib import Path
from types import TracebackType

from libs.common.errors import Fatal, Misconfigured
from libs.common.units import Instant, Usd
from services.paper_exchange.adapters.disk.batch_rows import FACT, Rows
from services.paper_exchange.adapters.disk.schema import (
    ACCOUNT,
    NAKED,
    ORDERS,
    POSITIONS,
    SCHEMA,
    TOTALS,
)
from services.paper_exchange.adapters.disk.used_ids import UsedIds
from services.paper_exchange.core.books.batch import Batch
from services.paper_exchange.core.books.books import Saved
from services.paper_exchange.core.books.changes import (
    NEW_ACCOUNT,
    Moment,
    Totals,
)
from services.paper_exchange.core.market.terms import Terms


class BooksFile:
    """`<home>/paper/books.db` of one world; opened for another world it raises Misconfigured."""

    def __init__(self, path: Path, *, world: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path.absolute()
        self.connection = sqlite3.connect(path, isolation_level=None)
        try:
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
            self._synced = True
            self.connection.executescript(SCHEMA)
        except sqlite3.DatabaseError as error:
            self.connection.close()
            raise Misconfigured(f"{path} cannot be read ({error}): restore it from a backup, or --fresh") from error
        self._used = UsedIds(self.connection)
        known = self._fact("world")
        if known not in {None, world}:
            raise Misconfigured(f"{path} holds the books of {known}, not of {world}: choose another home or --fresh")
        self._set_fact("world", world)

    def __enter__(self) -> "BooksFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    @staticmethod
    def known_terms(path: Path) -> Terms | None:
        """What the world whose books are at `path` agreed on at its first start; None where there are none yet."""
        text = _known_fact(path, "terms")
        return None if text is None else Terms.read(text)

    @staticmethod
    def known_clock(path: Path) -> Instant | None:
        """Where the market's clock stood in the books at `path`; None where there are none yet."""
        text = _known_fact(path, "market_ms")
        return None if text is None else Instant(int(text))

    def on(self, terms: Terms) -> "BooksFile":
        """Write down what holds for every start from now on; return the books."""
        self._set_fact("terms", terms.text())
        return self

    def snapshot(self) -> sqlite3.Connection:
        """Return the books as they are on disk now, to be read at leisure and then closed."""
        reader = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM facts").fetchone()  # only the first read fixes what is seen
        return reader

    def clock(self) -> Moment | None:
        """Where the clocks stood at the last batch; None for new books."""
        market, wall, up = self._fact("market_ms"), self._fact("wall_ms"), self._fact("up_ms")
        if market is None or wall is None or up is None:
            return None
        return Moment(Instant(int(market)), Instant(int(wall)), int(up))

    def load(self, start: Usd) -> Saved:
        """Return what the books held at the last batch, or new ones with `start` in the wallet."""
        totals, account = self._fact("totals"), self._fact("account")
        rows = self.connection.execute
        return Saved(
            totals=TOTALS.read(totals.encode()) if totals else Totals(start=start, balance=start),
            account=ACCOUNT.read(account.encode()) if account else NEW_ACCOUNT,
            positions=[POSITIONS.read(body) for (body,) in rows("SELECT body FROM positions ORDER BY symbol, leg")],
            orders=[ORDERS.read(body) for (body,) in rows("SELECT body FROM orders WHERE open ORDER BY seq")],
            link_ids=self._used,
            naked=[NAKED.read(body) for (body,) in rows("SELECT body FROM naked WHERE still ORDER BY seq")],
            naked_ever=rows("SELECT coalesce(max(seq), 0) FROM naked").fetchone()[0],
        )

    def keep(self, batch: Batch) -> None:
        """Write a batch in one transaction; raises Fatal if the disk will not have it."""
        try:
            self._sync(not batch.is_heartbeat)
            self.connection.execute("BEGIN IMMEDIATE")
            for statement, rows in Rows(batch).by_statement():
                self.connection.executemany(statement, rows)
            self.connection.execute("COMMIT")
            self._used.written()
        except sqlite3.Error as error:
            raise Fatal(f"the books cannot be kept: {error}") from error

    def _sync(self, synced: bool) -> None:
        """Choose whether a transaction waits for the disk."""
        if synced is not self._synced:
            self.connection.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
            self._synced = synced

    def _fact(self, name: str) -> str | None:
        row = self.connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _set_fact(self, name: str, value: str) -> None:
        self.connection.execute(FACT, (name, value))


def _known_fact(path: Path, name: str) -> str | None:
    """A fact of books that are not opened yet, and that a look may not create."""
    if not path.is_file():
        return None
    connection = sqlite3.connect(path)
    try:
        row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    except sqlite3.DatabaseError:
        return None  # it cannot be read, or is empty still: opening it says which
    finally:
        connection.close()
    return None if row is None else str(row[0])
