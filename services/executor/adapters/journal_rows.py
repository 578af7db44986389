"""Sessions and the recovery log: what every start found and did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, insert, select, update

from libs.common.ids import derive_id
from libs.common.units import Instant
from services.executor.adapters import schema
from services.executor.adapters.rows import Rows

KEPT: Final = 10_000  # steps of the log that stay: a venue that is away for days fills no disk
PHASE: Final = "phase"  # the kind of a step that tells of a change of phase
_TALLIED: Final = {"began": "attempts", "done": "successes", "failed": "failures"}  # kind -> what it counts as


@dataclass(frozen=True, slots=True)
class SessionStart:
    """`first` is true for the first start of this instance; `clean` says whether its last session left its marker."""

    session_id: str
    first: bool
    clean: bool

    @property
    def told(self) -> str:
        if self.first:
            return "the first start"
        return "a start after a clean stop" if self.clean else "a start after a crash"


class JournalRows(Rows):
    """Everything about our own life."""

    def begin_session(self, instance: str, *, now: Instant) -> SessionStart:
        c = schema.sessions.c
        count = int(self.db.execute(select(func.count()).select_from(schema.sessions)).scalar_one())
        last = self.db.execute(select(c.clean).where(c.instance == instance).order_by(c.number.desc()).limit(1)).first()
        session_id = derive_id("session", instance, str(count + 1), str(now))  # a lost ledger counts anew
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
        """Write one step of a recovery down, and drop what is older than the newest KEPT."""
        done = self.db.execute(
            insert(schema.recovery_log).values(
                session_id=session_id, kind=kind, action=action, phase=phase, text=text, wall=wall
            )
        )
        (number,) = done.inserted_primary_key or (0,)
        self.db.execute(delete(schema.recovery_log).where(schema.recovery_log.c.id <= number - KEPT))

    def recovery_log(self, limit: int = 100, *, kind: str = "") -> Sequence[Mapping[str, str | int]]:
        """The newest steps first; of one kind alone if it is given."""
        c = schema.recovery_log.c
        query = select(schema.recovery_log).order_by(c.id.desc()).limit(limit)
        rows = self.db.execute(query.where(c.kind == kind) if kind else query)
        return [dict(row._mapping) for row in rows]

    def tally(self, *, since: Instant = Instant(0)) -> Mapping[str, int]:
        """How many recoveries were tried, succeeded and failed since a wall instant, as far as the log goes back.

        A try that a crash cut short is neither a success nor a failure.
        """
        c = schema.recovery_log.c
        rows = self.db.execute(select(c.kind, func.count().label("times")).where(c.wall >= since).group_by(c.kind))
        times = {row.kind: int(row.times) for row in rows}
        return {name: times.get(kind, 0) for kind, name in _TALLIED.items()}

    def clear_recovery_log(self) -> int:
        """Empty the log and return how many steps it had; what is decided on is kept elsewhere."""
        return self.db.execute(delete(schema.recovery_log)).rowcount

    def action_counts(self) -> Mapping[str, int]:
        c = schema.recovery_log.c
        rows = self.db.execute(
            select(c.action, func.count().label("times")).where(c.kind == "planned").group_by(c.action)
        )
        return {row.action: int(row.times) for row in rows}
