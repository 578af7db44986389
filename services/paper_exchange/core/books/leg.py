"""Which of a symbol's positions is meant: there is one in one-way mode, and one for each side in hedge mode."""

from enum import IntEnum
from typing import Final

from libs.common.exchange.trading_types import Action
from libs.common.units import Side, Symbol


class Leg(IntEnum):
    """The venue's positionIdx."""

    ONE_WAY = 0
    LONG = 1
    SHORT = 2

    @property
    def side(self) -> Side | None:
        """The only side that the position may have; None: either."""
        return _SIDES.get(self)

    def closes(self, action: Action) -> bool:
        """Whether `action` can only reduce this leg."""
        return self.side is not None and action is Action.closing(self.side)


_SIDES: Final = {Leg.LONG: Side.LONG, Leg.SHORT: Side.SHORT}
HEDGED = (Leg.LONG, Leg.SHORT)
Key = tuple[Symbol, Leg]
