"""The outbox: what must be told is written in the transaction that caused it, and told afterwards, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, insert, select, update

from libs.common.contracts.message import Message
from libs.common.contracts.registry import decode, encode
from libs.common.units import Instant
from services.executor.adapters import schema
from services.executor.adapters.rows import Rows

KEPT: Final = 20_000  # published rows that stay, for a look back


@dataclass(frozen=True, slots=True)
class Waiting:
    seq: int
    message: Message


class OutboxRows(Rows):
    """Everything that others are to hear."""

    def emit(self, *messages: Message, owner: str, now: Instant) -> None:
        """Queue messages; one that was ever queued under the same id is not queued again."""
        c = schema.outbox.c
        for message in messages:
            if self.db.execute(select(c.seq).where(c.message_id == message.id)).first() is not None:
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
            self.db.execute(insert(schema.outbox).values(values))

    def waiting(self, *, owner: str, orphaned_before: Instant, limit: int = 200) -> Sequence[Waiting]:
        """Unpublished messages in order: our own, and those that another instance has left behind."""
        c = schema.outbox.c
        mine = (c.owner == owner) | (c.written_at < orphaned_before)
        rows = self.db.execute(
            select(c.seq, c.schema, c.body).where(c.published_at.is_(None), mine).order_by(c.seq).limit(limit)
        )
        return [Waiting(row.seq, decode(row.schema.encode(), row.body.encode())) for row in rows]

    def waiting_count(self) -> int:
        query = select(func.count()).select_from(schema.outbox).where(schema.outbox.c.published_at.is_(None))
        return int(self.db.execute(query).scalar_one())

    def published(self, seqs: Sequence[int], *, now: Instant) -> None:
        c = schema.outbox.c
        self.db.execute(update(schema.outbox).where(c.seq.in_(seqs)).values(published_at=now))

    def forget_old(self) -> None:
        """Drop published rows beyond the newest KEPT."""
        c = schema.outbox.c
        newest = self.db.execute(select(func.max(c.seq))).scalar() or 0
        self.db.execute(delete(schema.outbox).where(c.seq <= newest - KEPT, c.published_at.is_not(None)))
