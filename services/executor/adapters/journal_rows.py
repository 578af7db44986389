"""Sessions and the recovery log: what every start found and did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update

from libs.common.ids import derive_id
from libs.common.units import Instant
from services.executor.adapters import schema
from services.executor.adapters.rows import Rows


@dataclass(frozen=True, slots=True)
class SessionStart:
    """`first` is true for the first start of this instance; `clean` says whether its last session left its marker."""

    session_id: str
    first: bool
    clean: bool


class JournalRows(Rows):
    """Everything about our own life."""

    def begin_session(self, instance: str, *, now: Instant) -> SessionStart:
        c = schema.sessions.c
        count = int(self.db.execute(select(func.count()).select_from(schema.sessions)).scalar_one())
        last = self.db.execute(select(c.clean).where(c.instance == instance).order_by(c.number.desc()).limit(1)).first()
        session_id = derive_id("session", instance, str(count + 1))
        self.db.execute(
            insert(schema.sessions).values(
                session_id=session_id, instance=instance, started=now, ended=None, clean=False
            )
        )
        return SessionStart(session_id, last is None, last is None or bool(last.clean))

    def end_session(self, session_id: str, *, now: Instant) -> None:
        """Leave the marker of a clean stop."""
        c = schema.sessions.c
        self.db.execute(update(schema.sessions).where(c.session_id == session_id).values(ended=now, clean=True))

    def sessions(self, limit: int = 20) -> Sequence[Mapping[str, str | int | bool | None]]:
        rows = self.db.execute(select(schema.sessions).order_by(schema.sessions.c.number.desc()).limit(limit))
        return [dict(row._mapping) for row in rows]

    def note(self, session_id: str, kind: str, text: str, *, wall: Instant, action: str = "", phase: str = "") -> None:
        """Write one step of a recovery down."""
        self.db.execute(
            insert(schema.recovery_log).values(
                session_id=session_id, kind=kind, action=action, phase=phase, text=text, wall=wall
            )
        )

    def recovery_log(self, limit: int = 100) -> Sequence[Mapping[str, str | int]]:
        """The newest steps first."""
        rows = self.db.execute(select(schema.recovery_log).order_by(schema.recovery_log.c.id.desc()).limit(limit))
        return [dict(row._mapping) for row in rows]

    def clear_recovery_log(self) -> int:
        """Empty the log and return how many steps it had; what is decided on is kept elsewhere."""
        return self.db.execute(delete(schema.recovery_log)).rowcount

    def action_counts(self) -> Mapping[str, int]:
        c = schema.recovery_log.c
        rows = self.db.execute(
            select(c.action, func.count().label("times")).where(c.kind == "planned").group_by(c.action)
        )
        return {row.action: int(row.times) for row in rows}
