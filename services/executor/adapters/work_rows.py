"""How much is under way, in one question: it is asked after every write."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, ScalarSelect, Table, func, select

from services.executor.adapters import schema
from services.executor.adapters.rows import Rows
from services.executor.core.kept import PositionStatus
from services.executor.core.order import OrderState


@dataclass(frozen=True, slots=True)
class UnderWay:
    """`closing` and `flat` are positions, `ending` orders whose end is awaited, `untold` messages of the outbox."""

    closing: int
    flat: int
    ending: int
    untold: int
    executions: int  # that the venue ever reported: not under way, but asked for together with the rest


def _count(table: Table, *which: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(*which).scalar_subquery()


_P, _I = schema.positions.c, schema.intents.c
_ENDING: Final = [state for state in OrderState if state.may_be_live and state is not OrderState.MANUAL_REVIEW]
_UNDER_WAY: Final = select(
    _count(schema.positions, _P.status == PositionStatus.OPEN, _P.closing != ""),
    _count(schema.positions, _P.status == PositionStatus.FLAT),
    _count(schema.intents, _I.state.in_(_ENDING)),
    _count(schema.outbox, schema.outbox.c.published_at.is_(None)),
    _count(schema.executions, schema.executions.c.synthetic.is_(False)),
)


class WorkRows(Rows):
    """What is not finished."""

    def under_way(self) -> UnderWay:
        closing, flat, ending, untold, executions = self.db.execute(_UNDER_WAY).one()
        return UnderWay(closing, flat, ending, untold, executions)
