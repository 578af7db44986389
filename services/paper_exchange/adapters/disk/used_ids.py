"""Every order id that a client ever used: on disk, but for the few that are not written yet."""

import sqlite3
from collections.abc import Iterator


class UsedIds:
    """A set that is only added to; memory holds what the next batch writes, however many there ever were."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._unwritten: set[str] = set()

    def __contains__(self, link_id: str) -> bool:
        if link_id in self._unwritten:
            return True
        found = self._connection.execute("SELECT 1 FROM orders WHERE link_id = ? AND link_id != ''", (link_id,))
        return found.fetchone() is not None

    def __iter__(self) -> Iterator[str]:
        written = self._connection.execute("SELECT link_id FROM orders WHERE link_id != ''")
        return iter(self._unwritten | {str(link_id) for (link_id,) in written})

    def add(self, link_id: str) -> None:
        self._unwritten.add(link_id)

    def written(self) -> None:
        """Everything so far is on disk."""
        self._unwritten.clear()
