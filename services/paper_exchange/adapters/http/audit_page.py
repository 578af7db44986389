"""One page of the audit, read from a snapshot of the books and told row by row, however long it is.

1. A page is of one moment: what happens while it is being told is not in it.
2. Page after page has every row once, and a row that changed meanwhile again, as it is then.
3. No page holds more than a handful of rows in memory, nor keeps the exchange from its work.
"""

import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

import orjson

from libs.common.clock import Clock
from libs.common.errors import Refused
from services.paper_exchange.adapters.disk.audit import LISTS, AuditList
from services.paper_exchange.core.books.changes import Moment
from services.paper_exchange.core.books.fields import Json

AT_ONCE: Final = 200  # rows that are told before others get their turn
_LAST: Final = 2**62  # a sequence number that no row has
_PLACE: Final = re.compile(r"(\d{1,15})(?:-(\d{1,15}))?", re.ASCII)

Place = tuple[int, int]  # wall and sequence number of the last row told


@dataclass(frozen=True, slots=True)
class Span:
    """The rows after one place and up to another."""

    after: Place
    until: Place
    ends: bool  # nothing was left out

    @property
    def next(self) -> int | str | None:
        """What to ask `since` with for the page after; text only where a page ends within a millisecond."""
        wall, seq = self.until
        if self.ends:
            return None
        return wall if seq == _LAST else f"{wall}-{seq}"


def read_place(since: str) -> Place:
    """Read a wall time, or the `next` of a page; raises Refused."""
    found = _PLACE.fullmatch(since)
    if found is None:
        raise Refused(f"since = {since[:50]!r}: must be a wall time in ms, or the `next` of the page before")
    wall, seq = found.groups()
    return int(wall), _LAST if seq is None else int(seq)


def span(connection: sqlite3.Connection, after: Place, wall: int, limit: int | None) -> Span:
    """Return the longest span after `after` of which no list has more than `limit` rows."""
    last = (wall, _LAST)
    if limit is None:
        return Span(after, last, ends=True)
    full = [end for part in LISTS.values() if (end := _end(connection, part, after, last, limit)) is not None]
    return Span(after, min(full, default=last), ends=not full)


def _end(connection: sqlite3.Connection, part: AuditList, after: Place, last: Place, limit: int) -> Place | None:
    """Return where a list has to be cut; a whole millisecond where one ends there."""
    places: list[Place] = connection.execute(part.ends, (*after, *last, limit - 1)).fetchall()
    if len(places) < 2:
        return None
    (wall, seq), (next_wall, _) = places
    return (wall, seq) if wall == next_wall else (wall, _LAST)


async def told(
    snapshot: sqlite3.Connection, page: Span, moment: Moment, rest: Json, clock: Clock
) -> AsyncIterator[bytes]:
    """Yield the page as JSON, in pieces; `rest` is what is no list. Closes the snapshot."""
    try:
        for name, part in LISTS.items():
            yield b'%s"%s":[' % (b"{" if name == "orders" else b",", name.encode())
            between = b""
            for rows in _few_at_once(snapshot, part, page):
                yield between + b",".join(orjson.dumps(part.told(row, moment)) for row in rows)
                between = b","
                await clock.sleep(0)
            yield b"]"
        yield b"," + orjson.dumps({**rest, "next": page.next})[1:]
    finally:
        snapshot.close()


def _few_at_once(
    snapshot: sqlite3.Connection, part: AuditList, page: Span
) -> Iterator[list[tuple[int, int, int, bytes]]]:
    cursor = snapshot.execute(part.rows, (*page.after, *page.until))
    while rows := cursor.fetchmany(AT_ONCE):
        yield rows
