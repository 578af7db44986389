"""What stands on a stream: an entry id, a schema name `t` and a body `m`."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from libs.common.bus import Delivery
from libs.common.contracts.message import Message
from libs.common.contracts.registry import decode
from libs.common.errors import Poison

START: Final = "0-0"  # before the first entry of any stream
_LAST_SEQUENCE: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One raw stream entry as Redis hands it out; `fields` is empty when it was trimmed before it was read."""

    stream: str  # without prefix
    id: str
    fields: Mapping[bytes, bytes]
    deliveries: int = 1

    def message(self) -> Message:
        """Decode; raises Poison naming what is missing or wrong."""
        missing = [name.decode() for name in (b"t", b"m") if name not in self.fields]
        if missing:
            raise Poison(f"entry without field {' and '.join(missing)}")
        return decode(self.fields[b"t"], self.fields[b"m"])


def as_entry(stream: str, row: Any, deliveries: int = 1) -> Entry:
    """A (id, fields) pair as the Redis client gives it."""
    entry_id, fields = row
    return Entry(stream, entry_id.decode(), fields or {}, deliveries)


def as_entries(prefix: str, answer: Any) -> list[Entry]:
    """The answer of XREAD or XREADGROUP: (key, rows) of each stream that had any."""
    return [as_entry(key.decode().removeprefix(prefix), row) for key, rows in answer for row in rows]


def readable(entries: Iterable[Entry]) -> list[Message]:
    """The messages of those entries that can be read; the others are left to who reads the stream."""
    found = []
    for entry in entries:
        with suppress(Poison):
            found.append(entry.message())
    return found


def order_of(entry_id: str) -> tuple[int, int]:
    """The id as numbers that sort as the stream does."""
    time, _, sequence = entry_id.partition("-")
    return int(time), int(sequence or 0)


def is_after(one: str, other: str) -> bool:
    return order_of(one) > order_of(other)


def before(entry_id: str) -> str:
    """The greatest id below `entry_id`: reading from there gives that entry first."""
    time, sequence = order_of(entry_id)
    if sequence:
        return f"{time}-{sequence - 1}"
    return f"{time - 1}-{_LAST_SEQUENCE}" if time else START


def earliest(ids: Iterable[str]) -> str:
    return min(ids, key=order_of)


def in_time(entries: Iterable[Entry], streams: Iterable[str]) -> list[Entry]:
    """Entries of several streams in the order they were written; in one millisecond as `streams` is listed."""
    rank = {stream: n for n, stream in enumerate(streams)}

    def key(entry: Entry) -> tuple[int, int, int]:
        time, sequence = order_of(entry.id)
        return time, rank[entry.stream], sequence

    return sorted(entries, key=key)


def newest_per_symbol(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Drop each price that a later one of the same symbol makes worthless; the order stays."""
    newest = {str(getattr(delivery.message, "symbol", delivery.id)): delivery for delivery in deliveries}
    return sorted(newest.values(), key=lambda delivery: order_of(delivery.id))
