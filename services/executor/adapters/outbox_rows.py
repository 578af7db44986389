"""The outbox: what must be told is written in the transaction that caused it, and told afterwards, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update

from libs.common.contracts.message import Message
from libs.common.contracts.registry import decode, encode
from libs.common.units import Instant
from services.executor.adapters import schema
from services.executor.adapters.rows import KEY, NEW, Rows

KEPT: Final = 20_000  # published rows that stay, for a look back

_C = schema.outbox.c
_QUEUED: Final = select(_C.seq).where(_C.message_id == bindparam("message_id"))
_WAITING: Final = (
    select(_C.seq, _C.schema, _C.body)
    .where(_C.published_at.is_(None), (_C.owner == bindparam("owner")) | (_C.written_at < bindparam("orphaned_before")))
    .order_by(_C.seq)
    .limit(bindparam("limit"))
)
_WAITING_COUNT: Final = select(func.count()).select_from(schema.outbox).where(_C.published_at.is_(None))
_PUBLISHED: Final = (
    update(schema.outbox)
    .where(_C.seq.in_(bindparam(f"{KEY}seqs", expanding=True)))
    .values(published_at=bindparam(f"{NEW}published_at"))
)


@dataclass(frozen=True, slots=True)
class Waiting:
    seq: int
    message: Message


class OutboxRows(Rows):
    """Everything that others are to hear."""

    def emit(self, *messages: Message, owner: str, now: Instant) -> None:
        """Queue messages; one that was ever queued under the same id is not queued again."""
        for message in messages:
            if self.db.execute(_QUEUED, {"message_id": message.id}).first() is not None:
                continue
            name, body = encode(message)
            values = {
                "message_id": message.id,
                "schema": name.decode(),
                "body": body.decode(),
                "owner": owner,
                "at": message.at,
                "written_at": now,
                "published_at": None,
            }
            self._add(schema.outbox, values)

    def waiting(self, *, owner: str, orphaned_before: Instant, limit: int = 200) -> Sequence[Waiting]:
        """Unpublished messages in order: our own, and those that another instance has left behind."""
        rows = self.db.execute(_WAITING, {"owner": owner, "orphaned_before": orphaned_before, "limit": limit})
        return [Waiting(row.seq, decode(row.schema.encode(), row.body.encode())) for row in rows]

    def waiting_count(self) -> int:
        return int(self.db.execute(_WAITING_COUNT).scalar_one())

    def published(self, seqs: Sequence[int], *, now: Instant) -> None:
        self.db.execute(_PUBLISHED, {f"{KEY}seqs": list(seqs), f"{NEW}published_at": now})

    def forget_old(self) -> None:
        """Drop published rows beyond the newest KEPT."""
        c = schema.outbox.c
        newest = self.db.execute(select(func.max(c.seq))).scalar() or 0
        self.db.execute(delete(schema.outbox).where(c.seq <= newest - KEPT, c.published_at.is_not(None)))
