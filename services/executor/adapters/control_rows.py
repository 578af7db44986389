"""The switch, what waits for a person, cursors, and why signals were declined."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, delete, func, select

from libs.common.units import Instant, Side, Symbol
from services.executor.adapters import schema
from services.executor.adapters.rows import Rows
from services.executor.core.admission import Declined
from services.executor.core.switch import Level, SwitchState

_SWITCH: Final = select(schema.switch)
_REVIEWS: Final = select(schema.reviews)
_CURSOR: Final = select(schema.cursors.c.value).where(schema.cursors.c.name == bindparam("name"))
_DECLINED: Final = select(schema.declined.c.id).where(schema.declined.c.signal_id == bindparam("signal_id")).limit(1)


class ControlRows(Rows):
    """Everything that steers."""

    def switch(self) -> SwitchState:
        row = self.db.execute(_SWITCH).first()
        if row is None:
            return SwitchState()
        return SwitchState(Level(row.level), row.flattening, row.by, row.reason, Instant(row.at))

    def turn(self, state: SwitchState) -> None:
        values = {"level": state.level, "flattening": state.flattening, "by": state.by, "reason": state.reason}
        self._put(schema.switch, {"id": 1, **values, "at": state.at})

    def reviews(self) -> Mapping[Symbol, str]:
        """Symbols that wait for a person, with the reason; "" stands for the whole account."""
        return {Symbol(row.symbol): row.reason for row in self.db.execute(_REVIEWS)}

    def ask_review(self, symbol: Symbol, reason: str, *, now: Instant) -> None:
        if not self._has(schema.reviews, symbol):
            self._add(schema.reviews, {"symbol": symbol, "reason": reason, "since": now})

    def accept_review(self, symbol: Symbol | None) -> None:
        """A person has looked: at one symbol, or at everything."""
        query = delete(schema.reviews)
        self.db.execute(query if symbol is None else query.where(schema.reviews.c.symbol == symbol))

    def cursor(self, name: str) -> str | None:
        return self.db.execute(_CURSOR, {"name": name}).scalar()

    def set_cursor(self, name: str, value: str) -> None:
        self._put(schema.cursors, {"name": name, "value": value})

    def drop_cursor(self, name: str) -> None:
        self.db.execute(delete(schema.cursors).where(schema.cursors.c.name == name))

    def decline(self, signal_id: str, symbol: Symbol, side: Side, why: Declined, *, at: Instant) -> None:
        values = {"signal_id": signal_id, "symbol": symbol, "side": side, "rule": why.rule, "text": why.text}
        self._add(schema.declined, {**values, "at": at, "until": why.until})

    def was_declined(self, signal_id: str) -> bool:
        return self.db.execute(_DECLINED, {"signal_id": signal_id}).first() is not None

    def declined(self, limit: int = 20) -> Sequence[Mapping[str, str | int | None]]:
        """The newest refusals of entries, newest first."""
        rows = self.db.execute(select(schema.declined).order_by(schema.declined.c.id.desc()).limit(limit))
        return [dict(row._mapping) for row in rows]

    def declined_by_rule(self) -> Mapping[str, int]:
        c = schema.declined.c
        rows = self.db.execute(select(c.rule, func.count().label("times")).group_by(c.rule))
        return {row.rule: int(row.times) for row in rows}
